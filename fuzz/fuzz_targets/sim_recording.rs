//! libFuzzer on [`colibri_fuzz::sim_recording`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::sim_recording(data));
