//! Zip archives of tables, and the zip packages that are documents themselves.
//!
//! Promises that members are told apart by content, that their names are shown and never used as
//! paths, and that inflating is counted, not believed.

use std::fs::File;
use std::io::{BufReader, Read, Seek, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};

use zip::ZipArchive;

use super::encoding::push_gb18030;
use super::error::{Blame, NO_ARCHIVE, Place, SAVE_AGAIN};
use super::sniff::Kind;
use super::source::{self, CHUNK_BYTES, Source};
use super::{InputError, Limits, MemberRead, TableSink, read_content};

/// Set when a member's name is UTF-8; without it the name is in the code page of its maker.
const NAME_IS_UTF8_FLAG: u16 = 1 << 11;
/// Characters of a member's name that are shown.
const NAME_SHOWN_CHARS_MAX: usize = 200;

pub(crate) type Zip = ZipArchive<BufReader<Source>>;

/// Opens the directory of a zip file.
pub(crate) fn open(source: &Source, blame: Blame<'_>) -> Result<Zip, InputError> {
    let reader = BufReader::new(source.clone());
    match catch_unwind(AssertUnwindSafe(|| ZipArchive::new(reader))) {
        Ok(Ok(zip)) => Ok(zip),
        Ok(Err(error)) => {
            Err(blame.damaged(Place::File, "a whole zip directory at the end", error.to_string()))
        }
        Err(_) => Err(blame.reader_failed(Place::File)),
    }
}

/// Whether a zip file is a workbook or an archive of files.
pub(crate) fn classify(source: &Source, file: &str, limits: &Limits) -> Result<Kind, InputError> {
    let blame = Blame { file, format: "zip" };
    let zip = open(source, blame)?;
    if zip.len() as u64 > u64::from(limits.zip_entries_max) {
        let limit = u64::from(limits.zip_entries_max);
        return Err(blame.limit(Place::File, "the number of members", limit, NO_ARCHIVE));
    }
    let names: Vec<String> = zip
        .file_names_raw()
        .map(|name| String::from_utf8_lossy(name).to_ascii_lowercase().replace('\\', "/"))
        .collect();
    let has = |name: &str| names.iter().any(|other| other == name);
    let within = |folder: &str| names.iter().any(|other| other.starts_with(folder));
    if has("xl/workbook.bin") {
        return Err(blame.unsupported(Place::File, "a binary workbook (xlsb)", SAVE_AGAIN));
    }
    if has("[content_types].xml") {
        if within("xl/") || has("workbook.xml") {
            return Ok(Kind::Xlsx);
        }
        let found = if within("word/") { "a Word document" } else { "an Office document" };
        let cure = "put the table into a workbook and save it as xlsx";
        return Err(InputError::NotATable { file: file.to_owned(), found, cure });
    }
    if has("xl/workbook.xml") {
        return Ok(Kind::Xlsx);
    }
    if has("mimetype") && has("content.xml") {
        return Err(blame.unsupported(Place::File, "an OpenDocument file (ods)", SAVE_AGAIN));
    }
    Ok(Kind::Archive)
}

/// What inflating the members of one delivered file may still cost.
#[derive(Debug)]
pub(crate) struct Budget {
    packed_bytes: u64,
    inflated_bytes: u64,
}

impl Budget {
    pub(crate) fn new(packed_bytes: u64) -> Self {
        Self { packed_bytes, inflated_bytes: 0 }
    }

    /// Counts bytes that were inflated.
    pub(crate) fn take(
        &mut self,
        bytes: u64,
        limits: &Limits,
        blame: Blame<'_>,
    ) -> Result<(), InputError> {
        self.inflated_bytes += bytes;
        if self.inflated_bytes > limits.zip_inflated_bytes_max {
            let what = "the size of the unpacked content in bytes";
            return Err(blame.limit(Place::File, what, limits.zip_inflated_bytes_max, NO_ARCHIVE));
        }
        let allowed = self.packed_bytes.saturating_mul(limits.zip_ratio_max);
        if self.inflated_bytes > limits.zip_ratio_free_bytes.max(allowed) {
            let what = "the ratio of unpacked to packed bytes";
            return Err(blame.limit(Place::File, what, limits.zip_ratio_max, NO_ARCHIVE));
        }
        Ok(())
    }
}

/// Reads every member as a table, or as an archive of tables once.
pub(crate) fn read(
    source: &Source,
    file: &str,
    depth: u32,
    limits: &Limits,
    budget: &mut Budget,
    members: &mut Vec<MemberRead>,
    sink: &mut dyn TableSink,
) -> Result<(), InputError> {
    let blame = Blame { file, format: "zip" };
    if depth > limits.zip_depth_max {
        let limit = u64::from(limits.zip_depth_max);
        return Err(blame.limit(Place::File, "the nesting of archives", limit, NO_ARCHIVE));
    }
    let mut zip = open(source, blame)?;
    let mut tables = 0usize;
    for index in 0..zip.len() {
        let Some(name) = member_name(&zip, index, blame)? else { continue };
        let member = format!("{file}/{name}");
        let blame = Blame { file: &member, format: "zip" };
        let content = inflate(&mut zip, index, limits, budget, blame)?;
        let content = Source::from_file(content).map_err(|error| blame.io(error))?;
        let survey = source::survey(&content, blame, limits.file_bytes_max, None)?;
        let format =
            read_content(&content, &survey, &member, depth + 1, limits, budget, members, sink)?;
        if let Some(format) = format {
            let (sha256, bytes) = (survey.sha256, survey.bytes);
            members.push(MemberRead { file: member, format, sha256, bytes });
        }
        tables += 1;
    }
    if tables == 0 {
        return Err(InputError::NoTableInArchive { file: file.to_owned() });
    }
    Ok(())
}

/// The name of a member to read, for people; `None` for folders and what desktops leave behind.
fn member_name(zip: &Zip, index: usize, blame: Blame<'_>) -> Result<Option<String>, InputError> {
    let entry = zip
        .by_index_data(index)
        .map_err(|error| blame.damaged(Place::File, "a zip member", error.to_string()))?;
    let name = shown_name(entry.name_raw(), entry.flags().as_u16() & NAME_IS_UTF8_FLAG != 0);
    let base = name.rsplit('/').next().unwrap_or_default();
    let litter = name.starts_with("__MACOSX/")
        || base.starts_with("._")
        || [".DS_Store", "Thumbs.db", "desktop.ini"].contains(&base);
    if entry.is_dir() || litter {
        return Ok(None);
    }
    let file = format!("{}/{name}", blame.file);
    if entry.encrypted() {
        return Err(InputError::Encrypted { file, what: "the archive member" });
    }
    if entry.is_symlink() {
        let blame = Blame { file: &file, format: "zip" };
        return Err(blame.unsupported(Place::File, "a link to another file", NO_ARCHIVE));
    }
    Ok(Some(name))
}

/// Names from Chinese Windows are GB18030 without any mark; control characters are not shown.
fn shown_name(raw: &[u8], is_utf8: bool) -> String {
    let mut name = String::new();
    if is_utf8 || !push_gb18030(raw, &mut name) {
        name = String::from_utf8_lossy(raw).into_owned();
    }
    name.chars()
        .map(|c| match c {
            '\\' => '/',
            c if c.is_control() => '\u{FFFD}',
            c => c,
        })
        .take(NAME_SHOWN_CHARS_MAX)
        .collect()
}

/// Inflates a member into a temporary file without a name.
fn inflate(
    zip: &mut Zip,
    index: usize,
    limits: &Limits,
    budget: &mut Budget,
    blame: Blame<'_>,
) -> Result<File, InputError> {
    let mut entry = zip.by_index(index).map_err(|error| unreadable(&error, blame))?;
    let mut file = tempfile::tempfile().map_err(|error| blame.io(error))?;
    let mut chunk = vec![0; CHUNK_BYTES];
    loop {
        let read = match catch_unwind(AssertUnwindSafe(|| entry.read(&mut chunk))) {
            Ok(Ok(read)) => read,
            Ok(Err(error)) => {
                return Err(blame.damaged(Place::File, "sound packed data", error.to_string()));
            }
            Err(_) => return Err(blame.reader_failed(Place::File)),
        };
        if read == 0 {
            break;
        }
        budget.take(read as u64, limits, blame)?;
        file.write_all(&chunk[..read]).map_err(|error| blame.io(error))?;
    }
    file.rewind().map_err(|error| blame.io(error))?;
    Ok(file)
}

/// Why a member cannot be opened.
pub(crate) fn unreadable(error: &zip::result::ZipError, blame: Blame<'_>) -> InputError {
    match error {
        zip::result::ZipError::UnsupportedArchive(what) => {
            let cure = "pack it again with the usual method (deflate) and without password";
            blame.unsupported(Place::File, format!("packing ({what})"), cure)
        }
        other => blame.damaged(Place::File, "a readable member", other.to_string()),
    }
}
