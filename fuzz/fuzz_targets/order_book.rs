//! libFuzzer on [`colibri_fuzz::order_book`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::order_book(data));
