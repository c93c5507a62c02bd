//! libFuzzer on [`colibri_fuzz::event`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::event(data));
