//! libFuzzer on [`colibri_fuzz::scanner`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::scanner(data));
