//! libFuzzer on [`colibri_fuzz::book_checksum`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| colibri_fuzz::book_checksum(data));
