//! The manifest of a generation: which segments make up the snapshot and where they came from.
//!
//! A small text, valid only when it is byte-equal to what [`Manifest::emit`] writes:
//!
//! ```text
//! zhengcha-manifest 1
//! generation 12
//! built-at 2026-11-24T13:00:00+08:00
//! records 1960
//! as-of 2026-11-15
//! merkle-root -
//! signature -
//! segment base 0f…32 hex digits…9a records 1960 bytes 2043904
//! batch b000001 records 1960 segment 77…32 hex digits…01
//! sum 5c…32 hex digits…d2
//! ```
//!
//! `sum` covers every line but itself and `built-at`, so that the same input gives the same text but
//! for that one line; CURRENT carries the sum of the whole file. `merkle-root` and `signature` are
//! reserved and always `-`.

use crate::checksum::{hex128, parse_hex128, sum128};
use crate::date::Date;
use crate::error::OpenError;
use crate::format::section::SegmentKind;
use crate::store::Store;
use std::fmt::Write as _;
use std::path::Path;

/// Version of the manifest text.
const MANIFEST_VERSION: u32 = 1;
/// Longest manifest written or read: 16 MiB, some 200,000 batches of some 75 bytes each.
pub const MANIFEST_BYTES_MAX: u64 = 16 << 20;

/// One segment of a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestSegment {
    /// Base or delta; the first is the base, deltas follow, oldest first.
    pub kind: SegmentKind,
    /// Id and file name: 32 hexadecimal digits, the sum of the header.
    pub id: String,
    /// Certificates in the segment.
    pub records: u64,
    /// Length of its file.
    pub bytes: u64,
}

/// One upload that went into a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestBatch {
    /// The batch, as its folder is named.
    pub name: String,
    /// Records accepted from it.
    pub records: u64,
    /// Id of the segment that holds them.
    pub segment: String,
}

/// A generation's table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// Number of the generation; rises with every compile.
    pub generation: u64,
    /// When it was compiled, RFC 3339 with offset.
    pub built_at: String,
    /// Certificates served.
    pub records: u64,
    /// Latest issue date served.
    pub as_of: Option<Date>,
    /// Base first, then deltas from the oldest to the newest.
    pub segments: Vec<ManifestSegment>,
    /// The uploads, oldest first.
    pub batches: Vec<ManifestBatch>,
}

impl Manifest {
    /// The record counts of the segments, the base first.
    #[must_use]
    pub fn sizes(&self) -> Vec<u64> {
        self.segments.iter().map(|segment| segment.records).collect()
    }

    /// The text of the file.
    #[must_use]
    pub fn emit(&self) -> String {
        let head =
            format!("zhengcha-manifest {MANIFEST_VERSION}\ngeneration {}\n", self.generation);
        let mut tail = String::new();
        let as_of = self.as_of.map_or_else(|| "-".to_owned(), |date| date.to_string());
        let _ = writeln!(tail, "records {}\nas-of {as_of}", self.records);
        let _ = writeln!(tail, "merkle-root -\nsignature -");
        for segment in &self.segments {
            let ManifestSegment { kind, id, records, bytes } = segment;
            let _ = writeln!(tail, "segment {} {id} records {records} bytes {bytes}", kind.name());
        }
        for batch in &self.batches {
            let ManifestBatch { name, records, segment } = batch;
            let _ = writeln!(tail, "batch {name} records {records} segment {segment}");
        }
        let sum = hex128(sum128(format!("{head}{tail}").as_bytes()));
        format!("{head}built-at {}\n{tail}sum {sum}\n", self.built_at)
    }

    /// xxh3-128 of the text, as CURRENT carries it.
    #[must_use]
    pub fn sum(&self) -> u128 {
        sum128(self.emit().as_bytes())
    }

    /// Reads a manifest.
    ///
    /// # Errors
    /// `Incompatible` for another version, `Corrupt` for any text [`Manifest::emit`] would not write.
    pub fn parse(path: &Path, text: &str) -> Result<Self, OpenError> {
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        match first.strip_prefix("zhengcha-manifest ").map(str::parse::<u32>) {
            Some(Ok(MANIFEST_VERSION)) => {}
            Some(Ok(version)) => {
                return Err(OpenError::Incompatible {
                    path: path.to_owned(),
                    what: "manifest version",
                    found: version.to_string(),
                    expected: MANIFEST_VERSION.to_string(),
                });
            }
            _ => return Err(OpenError::corrupt(path, "line 1", "not a zhengcha manifest")),
        }
        let manifest = Self::parse_lines(lines)
            .ok_or_else(|| OpenError::corrupt(path, "manifest", "a line is not as written"))?;
        if manifest.emit() != text {
            return Err(OpenError::corrupt(
                path,
                "manifest",
                "its sum or a line is not as written",
            ));
        }
        Ok(manifest)
    }

    fn parse_lines<'t>(lines: impl Iterator<Item = &'t str>) -> Option<Self> {
        let mut manifest = Self {
            generation: 0,
            built_at: String::new(),
            records: 0,
            as_of: None,
            segments: Vec::new(),
            batches: Vec::new(),
        };
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match *words.as_slice() {
                ["generation", number] => manifest.generation = number.parse().ok()?,
                ["built-at", time] => manifest.built_at = built_at(time)?.to_owned(),
                ["records", number] => manifest.records = number.parse().ok()?,
                ["as-of", "-"] => {}
                ["as-of", date] => manifest.as_of = Some(Date::parse_iso(date)?),
                ["segment", kind, id, "records", records, "bytes", bytes] => {
                    let kind = [SegmentKind::Base, SegmentKind::Delta]
                        .into_iter()
                        .find(|candidate| candidate.name() == kind)?;
                    parse_hex128(id)?;
                    manifest.segments.push(ManifestSegment {
                        kind,
                        id: id.to_owned(),
                        records: records.parse().ok()?,
                        bytes: bytes.parse().ok()?,
                    });
                }
                ["batch", name, "records", records, "segment", segment] => {
                    parse_hex128(segment)?;
                    manifest.batches.push(ManifestBatch {
                        name: batch_name(name)?.to_owned(),
                        records: records.parse().ok()?,
                        segment: segment.to_owned(),
                    });
                }
                // Whatever else a line may be, the text written again will tell.
                ["merkle-root" | "signature" | "sum", _] => {}
                _ => return None,
            }
        }
        let ordered = manifest
            .segments
            .iter()
            .enumerate()
            .all(|(index, segment)| (index == 0) == (segment.kind == SegmentKind::Base));
        (ordered && !manifest.segments.is_empty()).then_some(manifest)
    }

    /// Reads the manifest of a generation and returns it with the sum of its text.
    ///
    /// # Errors
    /// Any [`OpenError`].
    pub fn read(store: &Store, generation: u64) -> Result<(Self, u128), OpenError> {
        let path = store.manifest_path(generation);
        let text = read_text(&path, MANIFEST_BYTES_MAX)?;
        let manifest = Self::parse(&path, &text)?;
        if manifest.generation != generation {
            return Err(OpenError::corrupt(
                &path,
                "generation",
                format!("{} in a file named {generation}", manifest.generation),
            ));
        }
        Ok((manifest, sum128(text.as_bytes())))
    }
}

/// `YYYY-MM-DDThh:mm:ss±hh:mm`, the only form written.
fn built_at(text: &str) -> Option<&str> {
    let (date, time) = text.split_once('T')?;
    Date::parse_iso(date)?;
    let shape = time.len() == 14
        && time.bytes().enumerate().all(|(at, byte)| match at {
            2 | 5 | 11 => byte == b':',
            8 => byte == b'+' || byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shape.then_some(text)
}

fn batch_name(text: &str) -> Option<&str> {
    let valid = !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    valid.then_some(text)
}

/// A small text file, whole.
pub(crate) fn read_text(path: &Path, bytes_max: u64) -> Result<String, OpenError> {
    let io = |error| OpenError::io(path, error);
    let length = std::fs::metadata(path).map_err(io)?.len();
    if length > bytes_max {
        return Err(OpenError::corrupt(path, "length", format!("{length} bytes")));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    String::from_utf8(bytes).map_err(|_| OpenError::corrupt(path, "text", "not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Manifest {
        Manifest {
            generation: 12,
            built_at: "2026-11-24T13:00:00+08:00".to_owned(),
            records: 1960,
            as_of: Date::new(2026, 11, 15),
            segments: vec![ManifestSegment {
                kind: SegmentKind::Base,
                id: hex128(77),
                records: 1960,
                bytes: 4096,
            }],
            batches: vec![ManifestBatch {
                name: "b000001".to_owned(),
                records: 1960,
                segment: hex128(78),
            }],
        }
    }

    #[test]
    fn round_trip() {
        let manifest = sample();
        assert_eq!(Manifest::parse(Path::new("x"), &manifest.emit()).unwrap(), manifest);
        let empty = Manifest { as_of: None, batches: Vec::new(), ..manifest };
        assert_eq!(Manifest::parse(Path::new("x"), &empty.emit()).unwrap(), empty);
    }

    #[test]
    fn only_built_at_differs_between_equal_inputs() {
        let one = sample().emit();
        let two = Manifest { built_at: "2026-11-25T00:00:01+08:00".to_owned(), ..sample() }.emit();
        let differing: Vec<_> = one.lines().zip(two.lines()).filter(|(a, b)| a != b).collect();
        assert_eq!(differing.len(), 1);
        assert!(differing[0].0.starts_with("built-at "));
    }

    #[cfg(feature = "build")]
    #[test]
    fn what_is_too_long_to_be_read_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        crate::build::create_folders(&store).unwrap();
        let mut manifest = sample();
        let line = manifest.batches[0].clone();
        manifest.batches = vec![line.clone(); 200_000];
        crate::build::write_manifest(&store, &manifest).unwrap();
        assert_eq!(Manifest::read(&store, 12).unwrap().0, manifest);
        manifest.generation = 13;
        manifest.batches = vec![line; 300_000];
        assert!(crate::build::write_manifest(&store, &manifest).is_err());
        assert!(!store.manifest_path(13).exists());
    }

    #[test]
    fn any_other_text_is_refused() {
        let text = sample().emit();
        let built_at = text.find("built-at").unwrap()..text.find("records").unwrap();
        for at in 0..text.len() {
            for bit in 0..7 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let Ok(damaged) = String::from_utf8(bytes) else { continue };
                let parsed = Manifest::parse(Path::new("x"), &damaged);
                // The time of building is covered by CURRENT and the ledger, not by the own sum.
                assert!(parsed.is_err() || built_at.contains(&at), "byte {at} bit {bit}");
            }
        }
        for end in 0..text.len() {
            assert!(Manifest::parse(Path::new("x"), &text[..end]).is_err(), "cut at {end}");
        }
        assert!(Manifest::parse(Path::new("x"), &format!("{text}\n")).is_err());
        assert!(Manifest::parse(Path::new("x"), &text.replace('\n', "\r\n")).is_err());
    }
}
