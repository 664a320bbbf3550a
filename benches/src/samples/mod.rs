//! The files of `data-samples/`: small invented batches in every format and both layouts, with rows
//! that are bad on purpose, and what a load must say of each row.
//!
//! Everything follows from one seed: writing them again gives the same bytes.

mod batches;
mod expected;
mod readme;
mod sheet;

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use anyhow::Context;
use zhengcha_loader::synth::csv::{CsvEncoding, CsvWriter};
use zhengcha_loader::synth::dbf::DbfWriter;
use zhengcha_loader::synth::xls::XlsWriter;
use zhengcha_loader::synth::xlsx::XlsxWriter;
use zhengcha_loader::synth::{TableWriter, columns};
use zip::write::SimpleFileOptions;

use sheet::{Container, Sheet};

/// An archive's name and its members.
type Archive<'s> = (&'s str, Vec<(&'s str, Vec<u8>)>);

/// Writes every sample, the table of them (`README.md`) and what to expect (`expected.json`) into a
/// folder, which is made if need be.
///
/// # Errors
/// When a file cannot be written.
pub fn write(out: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(out)?;
    let sheets = batches::all();
    let mut archives: Vec<Archive<'_>> = Vec::new();
    for sheet in &sheets {
        let bytes = bytes(sheet).with_context(|| format!("sample {}", sheet.file))?;
        match sheet.file.split_once('/') {
            None => fs::write(out.join(&sheet.file), bytes)?,
            Some((archive, member)) => match archives.last_mut() {
                Some((last, members)) if *last == archive => members.push((member, bytes)),
                _ => archives.push((archive, vec![(member, bytes)])),
            },
        }
    }
    for (archive, members) in archives {
        fs::write(out.join(archive), zipped(&members)?)?;
    }
    fs::write(out.join("expected.json"), expected::json(&sheets)?)?;
    fs::write(out.join("README.md"), readme::text(&sheets))?;
    Ok(())
}

fn bytes(sheet: &Sheet) -> anyhow::Result<Vec<u8>> {
    let columns = columns(sheet.layout);
    let fill = |mut table: Box<dyn TableWriter + '_>| -> anyhow::Result<()> {
        sheet.rows.iter().try_for_each(|row| table.row(&row.values))?;
        table.finish()
    };
    let mut out = Cursor::new(Vec::new());
    match sheet.container {
        Container::CsvUtf8 => {
            fill(Box::new(CsvWriter::new(&mut out, CsvEncoding::Utf8Bom, columns)?))?;
        }
        Container::CsvGb18030 => {
            fill(Box::new(CsvWriter::new(&mut out, CsvEncoding::Gb18030, columns)?))?;
        }
        Container::Dbf => fill(Box::new(DbfWriter::new(&mut out, columns)?))?,
        Container::Xls => fill(Box::new(XlsWriter::new(&mut out, columns)?))?,
        Container::Xlsx => {
            let folder = tempfile::tempdir()?;
            let path = folder.path().join("sample.xlsx");
            fill(Box::new(XlsxWriter::new(&path, columns)?))?;
            return Ok(fs::read(path)?);
        }
    }
    Ok(sheet::break_text(out.into_inner()))
}

fn zipped(members: &[(&str, Vec<u8>)]) -> anyhow::Result<Vec<u8>> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        // The time of 1980-01-01 in every entry: the same bytes whenever they are written.
        let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
        archive.start_file(*name, options)?;
        archive.write_all(bytes)?;
    }
    Ok(archive.finish()?.into_inner())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    /// More than all samples together may take in a clone.
    const SAMPLES_BYTES_MAX: usize = 500_000;

    fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read(path).unwrap())
            })
            .collect()
    }

    #[test]
    fn the_samples_in_the_project_are_what_the_command_writes() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path()).unwrap();
        let committed = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../data-samples"));
        let written = files(folder.path());
        assert!(
            committed.keys().eq(written.keys()),
            "{:?} {:?}: run `make samples`",
            committed.keys(),
            written.keys()
        );
        for (name, bytes) in &written {
            assert!(committed[name] == *bytes, "{name} differs: run `make samples`");
        }
        assert!(written.values().map(Vec::len).sum::<usize>() < SAMPLES_BYTES_MAX);
    }
}
