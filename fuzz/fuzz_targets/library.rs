//! libFuzzer on [`colibri_fuzz::library`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::library(data));
