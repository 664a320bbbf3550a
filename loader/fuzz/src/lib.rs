//! What the targets share: reading bytes as an upload under tight limits.
//!
//! Run one with `cargo fuzz run csv -s none`, which works on the stable compiler. A target fails on
//! a panic of ours, on memory or time out of bounds, and on text that breaks a promise.

use std::io::Write;

use zhengcha_loader::input::{self, Cell, Flow, Limits, Row, TableSink, TableSource};

struct Checking {
    last_number: Option<u64>,
}

impl TableSink for Checking {
    fn begin(&mut self, _: &TableSource) -> anyhow::Result<()> {
        self.last_number = None;
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> anyhow::Result<Flow> {
        assert!(row.cells.iter().any(|cell| *cell != Cell::Empty), "blank rows are left out");
        assert!(self.last_number < Some(row.number), "row numbers rise");
        self.last_number = Some(row.number);
        Ok(Flow::Continue)
    }

    fn end(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    fn note(&mut self, _: &str, _: String) {}
}

/// Reads the bytes as a delivered file.
pub fn read(bytes: &[u8]) {
    let limits = Limits {
        zip_inflated_bytes_max: 16 << 20,
        shared_strings_bytes_max: 4 << 20,
        xls_cells_max: 100_000,
        ..Limits::default()
    };
    let mut file = tempfile::NamedTempFile::new().expect("room for a temporary file");
    file.write_all(bytes).expect("room for a temporary file");
    let result = input::read_file(file.path(), "fuzz", &limits, &mut Checking { last_number: None });
    if let Err(error) = result {
        assert!(error.to_string().starts_with("fuzz"), "the file is named: {error}");
    }
}
