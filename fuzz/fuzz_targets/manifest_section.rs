//! libFuzzer on [`colibri_fuzz::manifest_section`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::manifest_section(data));
