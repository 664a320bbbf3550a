//! Text under a header line.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    zhengcha_loader_fuzz::read(&[b"a,b,c\n", bytes].concat());
});
