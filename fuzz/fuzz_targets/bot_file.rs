//! libFuzzer on [`colibri_fuzz::bot_file`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::bot_file(data));
