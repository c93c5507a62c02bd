//! libFuzzer on [`colibri_fuzz::signing_key`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::signing_key(data));
