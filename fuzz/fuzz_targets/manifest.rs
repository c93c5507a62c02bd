//! libFuzzer on [`colibri_fuzz::manifest`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::manifest(data));
