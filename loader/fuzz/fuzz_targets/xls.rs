//! Records in a sound compound file.
#![no_main]

use std::io::{Cursor, Write};

libfuzzer_sys::fuzz_target!(|records: &[u8]| {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("in memory");
    let mut stream = file.create_stream("/Workbook").expect("in memory");
    stream.write_all(records).expect("in memory");
    drop(stream);
    zhengcha_loader_fuzz::read(&file.into_inner().into_inner());
});
