//! A register as numbered upload files.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rayon::prelude::*;
use zhengcha_engine::Certificate;
use zhengcha_engine::testing::Part;

use super::{
    COUNTED_RECORDS, Count, TableLayout, TableWriter, Wanted, columns, csv, dbf, values, xlsx,
};
use crate::progress::Progress;
use crate::space;

/// The formats an upload file can be made in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SynthFormat {
    /// UTF-8 with a byte order mark, as spreadsheets write it.
    Csv,
    /// dBase III, GBK, short column names.
    Dbf,
    /// Office Open XML workbook, one sheet.
    Xlsx,
}

impl SynthFormat {
    /// The usual ending of a file name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Dbf => "dbf",
            Self::Xlsx => "xlsx",
        }
    }

    /// Bytes of a row, rounded up, to ask for room.
    fn row_bytes(self, layout: TableLayout) -> u64 {
        match self {
            Self::Csv => 240,
            Self::Dbf => {
                1 + columns(layout).iter().map(|column| u64::from(column.width_bytes)).sum::<u64>()
            }
            Self::Xlsx => 120,
        }
    }

    fn create(self, path: &Path, layout: TableLayout) -> anyhow::Result<Box<dyn TableWriter>> {
        let columns = columns(layout);
        let file = || File::create(path).map(BufWriter::new);
        Ok(match self {
            Self::Csv => {
                Box::new(csv::CsvWriter::new(file()?, csv::CsvEncoding::Utf8Bom, columns)?)
            }
            Self::Dbf => Box::new(dbf::DbfWriter::new(file()?, columns)?),
            Self::Xlsx => Box::new(xlsx::XlsxWriter::new(path, columns)?),
        })
    }
}

/// What [`synth`] has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SynthSummary {
    /// The files, in the order of their numbers.
    pub files: Vec<PathBuf>,
    /// Rows in all of them.
    pub records: u64,
}

/// Writes a register into `out_dir`, which is made if need be, as `register-0001.csv` and so on with
/// one part in each.
///
/// # Errors
/// When there are not so many certificates, when there is not enough room, when a file of such a name
/// is there already, or when one cannot be written; no file is left then.
pub fn synth(
    wanted: &Wanted,
    out_dir: &Path,
    format: SynthFormat,
    layout: TableLayout,
    progress: &dyn Progress,
) -> anyhow::Result<SynthSummary> {
    let register = wanted.register()?;
    let register = match layout {
        TableLayout::Of2013 => register.sixteen_digits(),
        TableLayout::Of2019 => register,
    };
    space::ensure_free(out_dir, wanted.records * format.row_bytes(layout))?;
    fs::create_dir_all(out_dir)
        .with_context(|| format!("cannot make the folder {}", out_dir.display()))?;
    let files: Vec<PathBuf> = (1..=wanted.records.div_ceil(wanted.part_records))
        .map(|number| out_dir.join(format!("register-{number:04}.{}", format.extension())))
        .collect();
    for path in &files {
        ensure!(!path.exists(), "{} is there already", path.display());
    }
    let count = Count::begin("writing invented certificates", wanted.records, progress);
    let written = register.par_bridge().try_for_each(|part| {
        let path = &files[part.number() as usize];
        write_whole(part, path, format, layout, &count)
            .with_context(|| format!("cannot write {}", path.display()))
    });
    if let Err(error) = written {
        files.iter().for_each(|path| drop(fs::remove_file(path)));
        return Err(error);
    }
    Ok(SynthSummary { files, records: wanted.records })
}

/// Writes under another name first, so that what has the name is whole.
fn write_whole(
    part: Part,
    path: &Path,
    format: SynthFormat,
    layout: TableLayout,
    count: &Count<'_>,
) -> anyhow::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    let written = write(part, &temporary, format, layout, count)
        .and_then(|()| Ok(fs::rename(&temporary, path)?));
    written.inspect_err(|_| drop(fs::remove_file(&temporary)))
}

fn write(
    part: Part,
    path: &Path,
    format: SynthFormat,
    layout: TableLayout,
    count: &Count<'_>,
) -> anyhow::Result<()> {
    let mut table = format.create(path, layout)?;
    let mut stream = part.certificates();
    let mut certificate = Certificate::default();
    let mut uncounted = 0;
    while stream.fill(&mut certificate) {
        table.row(&values(&certificate, layout))?;
        uncounted += 1;
        if uncounted == COUNTED_RECORDS {
            count.add(uncounted);
            uncounted = 0;
        }
    }
    table.finish()?;
    count.add(uncounted);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::Silent;

    fn make(out: &Path, format: SynthFormat, layout: TableLayout) -> anyhow::Result<SynthSummary> {
        synth(&Wanted { part_records: 150, ..Wanted::new(400, 9) }, out, format, layout, &Silent)
    }

    #[test]
    fn any_number_of_threads_writes_the_same_files() {
        for format in [SynthFormat::Csv, SynthFormat::Dbf] {
            let folder = tempfile::tempdir().unwrap();
            let made = [1, 2, 5].map(|threads| {
                let out = folder.path().join(threads.to_string());
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let made = pool.install(|| make(&out, format, TableLayout::Of2019)).unwrap();
                made.files.iter().map(|path| fs::read(path).unwrap()).collect::<Vec<_>>()
            });
            assert_eq!(made[0].len(), 3);
            assert!(made[0][0] != made[0][1] && made[0] == made[1] && made[1] == made[2]);
        }
    }

    #[test]
    fn what_fails_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        // A folder in the place of the second file's temporary name.
        fs::create_dir_all(out.join("register-0002.csv.tmp/inside")).unwrap();
        make(&out, SynthFormat::Csv, TableLayout::Of2013).unwrap_err();
        assert_eq!(fs::read_dir(&out).unwrap().count(), 1);
        let most = Wanted::new(u64::MAX, 1);
        let error = synth(&most, &out, SynthFormat::Csv, TableLayout::Of2013, &Silent).unwrap_err();
        assert!(error.to_string().contains("can be invented"), "{error}");
    }

    #[test]
    fn same_seed_same_bytes_in_every_format_and_layout() {
        for format in [SynthFormat::Csv, SynthFormat::Dbf, SynthFormat::Xlsx] {
            for layout in [TableLayout::Of2013, TableLayout::Of2019] {
                let folder = tempfile::tempdir().unwrap();
                let [first, second] = ["a", "b"].map(|name| {
                    let out = folder.path().join(name);
                    let summary = make(&out, format, layout).unwrap();
                    assert_eq!((summary.records, summary.files.len()), (400, 3));
                    fs::read(&summary.files[2]).unwrap()
                });
                assert!(!first.is_empty() && first == second, "{format:?} {layout:?}");
            }
        }
    }

    #[test]
    fn it_never_writes_over_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let make = || make(folder.path(), SynthFormat::Csv, TableLayout::Of2013);
        make().unwrap();
        let before = fs::read(folder.path().join("register-0001.csv")).unwrap();
        assert!(make().unwrap_err().to_string().contains("there already"));
        assert_eq!(fs::read(folder.path().join("register-0001.csv")).unwrap(), before);
    }

    #[test]
    fn no_records_no_files() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("deep/er");
        let none = Wanted::new(0, 1);
        let summary = synth(&none, &out, SynthFormat::Dbf, TableLayout::Of2019, &Silent).unwrap();
        assert_eq!(summary, SynthSummary { files: Vec::new(), records: 0 });
        assert!(out.is_dir());
    }
}
