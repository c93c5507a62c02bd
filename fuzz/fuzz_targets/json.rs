//! libFuzzer on [`colibri_fuzz::json`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::json(data));
