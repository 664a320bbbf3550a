//! Any bytes at all, for telling kinds apart and for archives.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| zhengcha_loader_fuzz::read(bytes));
