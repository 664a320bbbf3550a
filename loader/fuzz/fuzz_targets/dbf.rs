//! Column descriptions and records behind a plausible header.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: ([u8; 8], &[u8])| {
    let (lengths, rest) = input;
    let header = [&[3, 126, 11, 24][..], &lengths, &[0; 20], rest].concat();
    zhengcha_loader_fuzz::read(&header);
});
