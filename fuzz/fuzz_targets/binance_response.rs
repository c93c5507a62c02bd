//! libFuzzer on [`colibri_fuzz::binance_response`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::binance_response(data));
