//! libFuzzer on [`colibri_fuzz::drive_lines`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::drive_lines(data));
