//! libFuzzer on [`colibri_fuzz::placeholders`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::placeholders(data));
