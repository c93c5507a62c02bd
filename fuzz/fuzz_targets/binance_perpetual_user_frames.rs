//! libFuzzer on [`colibri_fuzz::binance_perpetual_user_frames`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::binance_perpetual_user_frames(data));
