//! libFuzzer on [`colibri_fuzz::outcome`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::outcome(data));
