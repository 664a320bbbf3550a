//! The kinds of sections a segment may hold.

use crate::key::Mode;

/// What a section holds. The numbers stand in files: never change or reuse one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SectionKind {
    /// Record blocks in certificate-number order.
    Records,
    /// Extension texts of records.
    Heap,
    /// Dictionary of (职业编码, 职业名称).
    Occupations,
    /// Dictionary of (鉴定机构, 发证机关).
    Bodies,
    /// The FST of one index: over block separators; of the first certificate-first mode, for all of these,
    /// over stretches of certificate numbers.
    Tree(Mode),
    /// The entry blocks of one hashed index.
    Blocks(Mode),
    /// Numbers of the blocks of one hashed index that begin within a run of equal keys.
    Runs(Mode),
    /// Where searches in one hashed index begin.
    Directory(Mode),
    /// Base segments: which composite keys of one mode may be here.
    KeyFilter(Mode),
    /// Delta segments: the older records that this one replaces or withdraws.
    Shadows,
    /// Delta segments: which composite keys of all modes may be here.
    Filter,
}

impl SectionKind {
    /// Every kind, in file order.
    pub fn all() -> impl Iterator<Item = Self> {
        [Self::Records, Self::Heap, Self::Occupations, Self::Bodies]
            .into_iter()
            .chain(Mode::ALL.into_iter().flat_map(|mode| {
                let hashed = [Self::Blocks(mode), Self::Runs(mode), Self::Directory(mode)];
                let hashed = (!mode.is_certificate_first()).then_some(hashed);
                let tree = mode.has_tree().then_some(Self::Tree(mode));
                tree.into_iter().chain(hashed.into_iter().flatten()).chain([Self::KeyFilter(mode)])
            }))
            .chain([Self::Shadows, Self::Filter])
    }

    /// The number in the section table.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Records => 1,
            Self::Heap => 2,
            Self::Occupations => 3,
            Self::Bodies => 4,
            Self::Shadows => 5,
            Self::Filter => 6,
            Self::Tree(mode) => 0x10 + mode as u32,
            Self::Blocks(mode) => 0x20 + mode as u32,
            Self::Runs(mode) => 0x30 + mode as u32,
            Self::Directory(mode) => 0x40 + mode as u32,
            Self::KeyFilter(mode) => 0x50 + mode as u32,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        Self::all().find(|kind| kind.code() == code)
    }

    /// The name shown by `inspect` and in errors.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Self::Records => "records".to_owned(),
            Self::Heap => "heap".to_owned(),
            Self::Occupations => "occupations".to_owned(),
            Self::Bodies => "bodies".to_owned(),
            Self::Shadows => "shadows".to_owned(),
            Self::Filter => "filter".to_owned(),
            Self::Tree(mode) => format!("{}.tree", mode.index_name()),
            Self::Blocks(mode) => format!("{}.blocks", mode.index_name()),
            Self::Runs(mode) => format!("{}.runs", mode.index_name()),
            Self::Directory(mode) => format!("{}.directory", mode.index_name()),
            Self::KeyFilter(mode) => format!("{}.filter", mode.index_name()),
        }
    }
}

/// What a segment is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SegmentKind {
    /// Records and six indexes; shadows nothing.
    Base,
    /// Records and six indexes laid over older segments of a generation.
    Delta,
    /// The accepted records of one upload, without indexes.
    Batch,
}

impl SegmentKind {
    /// The number in the header.
    #[must_use]
    pub fn code(self) -> u32 {
        match self {
            Self::Base => 1,
            Self::Delta => 2,
            Self::Batch => 3,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: u32) -> Option<Self> {
        [Self::Base, Self::Delta, Self::Batch].into_iter().find(|kind| kind.code() == code)
    }

    /// The name in manifests and in `inspect`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Base => "base",
            Self::Delta => "delta",
            Self::Batch => "batch",
        }
    }

    /// The sections such a segment must hold, in file order; no other may be there.
    pub fn sections(self) -> impl Iterator<Item = SectionKind> {
        SectionKind::all().filter(move |kind| match kind {
            SectionKind::Tree(_)
            | SectionKind::Blocks(_)
            | SectionKind::Runs(_)
            | SectionKind::Directory(_) => self != Self::Batch,
            SectionKind::KeyFilter(_) => self == Self::Base,
            SectionKind::Shadows | SectionKind::Filter => self == Self::Delta,
            _ => true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_unique() {
        let codes: std::collections::BTreeSet<u32> = SectionKind::all().map(|k| k.code()).collect();
        let names: std::collections::BTreeSet<String> =
            SectionKind::all().map(|k| k.name()).collect();
        assert_eq!(codes.len(), SectionKind::all().count());
        assert_eq!(names.len(), codes.len());
        assert!(!codes.contains(&0), "kind 0 is reserved");
        assert_eq!(SegmentKind::from_code(0), None);
        for kind in [SegmentKind::Base, SegmentKind::Delta] {
            assert!(kind.sections().count() <= super::super::header::SECTIONS_MAX);
        }
    }
}
