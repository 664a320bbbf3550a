//! The segment that a merge must give, made the slow way: everything in memory, one step after the
//! other, texts looked for in lists.

use crate::archive::{Pair, Shadows, archive};
use crate::build::merge::Source;
use crate::checksum::sum_of_section;
use crate::filter::FilterBuilder;
use crate::format::HASHED_BLOCK_ENTRIES;
use crate::format::header::{Header, SectionEntry};
use crate::format::section::{SectionKind, SegmentKind};
use crate::format::{BLOCK_RECORDS, PAGE_BYTES};
use crate::index::Probe;
use crate::index::block::{self, number_bits};
use crate::index::directory::DirectoryBuilder;
use crate::index::tree::spell;
use crate::index::tree_builder::TreeBuilder;
use crate::key::Mode;
use crate::record::{RECORD_BYTES, Record, View, extension_bytes};
use std::path::PathBuf;

/// The bytes of the segment.
pub(super) fn segment(kind: SegmentKind, sources: &[Source<'_>], shadows: &[Shadows]) -> Vec<u8> {
    let mut image = Image { bytes: vec![0; PAGE_BYTES], sections: Vec::new() };
    let mut texts = [Vec::<Pair>::new(), Vec::new()];
    let mut heap = vec![0];
    let views = merged(sources);
    let records: Vec<Record> =
        views.iter().map(|view| numbered(view, &mut texts, &mut heap)).collect();
    let mut section = Vec::new();
    for block in records.chunks(BLOCK_RECORDS) {
        section.extend_from_slice(&archive(&block.to_vec()).unwrap());
        section.resize(section.len().next_multiple_of(RECORD_BYTES), 0);
    }
    image.section(SectionKind::Records, &section);
    image.section(SectionKind::Heap, &heap);
    image.section(SectionKind::Occupations, &archive(&texts[0]).unwrap());
    image.section(SectionKind::Bodies, &archive(&texts[1]).unwrap());
    let mut hashes = Vec::new();
    for mode in Mode::ALL {
        let mut entries: Vec<(Probe, u32)> = Vec::new();
        for (record, number) in records.iter().zip(0..) {
            if !matches!(mode, Mode::IT | Mode::CT | Mode::TN) || record.ticket != 0 {
                entries.push((Probe::new(mode, record.pair_words(mode)), number));
            }
        }
        hashes.extend(entries.iter().map(|(probe, _)| probe.hash));
        if kind == SegmentKind::Batch {
            continue;
        }
        let mut keys = records.len();
        if !mode.is_certificate_first() {
            keys = entries.len();
            entries.sort_by_key(|(probe, number)| (probe.hash, *number));
            index(&mut image, mode, &entries, number_bits(records.len() as u64));
        } else if mode == Mode::IC {
            image.section(SectionKind::Tree(mode), &stretches(&records));
        }
        if kind == SegmentKind::Base {
            let mut filter = FilterBuilder::of_base(keys as u64);
            entries.iter().for_each(|(probe, _)| filter.add(probe.hash));
            image.section(SectionKind::KeyFilter(mode), &filter.finish());
        }
    }
    if kind == SegmentKind::Delta {
        image.section(SectionKind::Shadows, &archive(&shadows.to_vec()).unwrap());
        let mut filter = FilterBuilder::new(hashes.len());
        hashes.into_iter().for_each(|hash| filter.add(hash));
        image.section(SectionKind::Filter, &filter.finish());
    }
    let header = Header {
        kind,
        file_bytes: image.bytes.len() as u64,
        records: records.len() as u64,
        as_of: records.iter().filter_map(Record::issue_date).max(),
        sections: image.sections,
    };
    image.bytes[..PAGE_BYTES].copy_from_slice(&header.emit());
    image.bytes
}

/// Every record that is left, in the order of certificate numbers and contents.
fn merged<'s>(sources: &[Source<'s>]) -> Vec<View<'s>> {
    let mut kept: Vec<(View<'s>, usize)> = Vec::new();
    for (number, source) in sources.iter().enumerate() {
        for at in 0..source.positions() {
            if source.shadowed().contains(&at) {
                continue;
            }
            let view = source.get(at as usize).unwrap();
            kept.retain(|(older, from)| {
                *from == number
                    || *older.certificate_number() != *view.certificate_number()
                    || !older.same_person(&view)
            });
            kept.push((view, number));
        }
    }
    let mut views: Vec<View<'s>> = kept.into_iter().map(|(view, _)| view).collect();
    views.sort_by(|a, b| {
        a.record.certificate.cmp(&b.record.certificate).then_with(|| a.content_order(b))
    });
    views
}

fn numbered(view: &View<'_>, texts: &mut [Vec<Pair>; 2], heap: &mut Vec<u8>) -> Record {
    let mut number = |field: usize, (first, second): (&str, &str)| {
        let pair = Pair { first: first.to_owned(), second: second.to_owned() };
        let known = texts[field].iter().position(|other| *other == pair);
        known.unwrap_or_else(|| {
            texts[field].push(pair);
            texts[field].len() - 1
        }) as u32
    };
    let mut record = view.record;
    record.occupation = number(0, (view.occupation_code(), view.occupation_name()));
    record.body = number(1, (view.institution(), view.issuer()));
    if record.flags() != 0 {
        record.extension = heap.len() as u32;
        heap.extend_from_slice(extension_bytes(view.texts.heap(), &view.record).unwrap());
    }
    record
}

/// The first numbers of stretches with their first records, the lowest bit set where several records have
/// the number.
fn stretches(records: &[Record]) -> Vec<u8> {
    let number = |at: usize| records.get(at).map(|record| record.certificate >> 1);
    let shared = |at: usize| {
        number(at).is_some()
            && (at > 0 && number(at - 1) == number(at) || number(at + 1) == number(at))
    };
    let mut tree = fst::raw::Builder::memory();
    for at in 0..records.len() {
        let here = number(at).unwrap();
        let before = at.checked_sub(1).and_then(number);
        let goes_on = before == Some(here)
            || (at > 0 && !shared(at) && !shared(at - 1) && before == Some(here.wrapping_sub(1)))
                && here % (1 << 32) != 0;
        if !goes_on {
            tree.insert(spell(here << 1), (at as u64) << 1 | u64::from(shared(at))).unwrap();
        }
    }
    tree.into_inner().unwrap()
}

fn index(image: &mut Image, mode: Mode, entries: &[(Probe, u32)], number_bits: u32) {
    let mut tree = TreeBuilder::new(Vec::new(), PathBuf::new()).unwrap();
    let chunks = entries.chunks(HASHED_BLOCK_ENTRIES);
    let mut directory = DirectoryBuilder::new(chunks.len() as u32);
    let mut blocks = Vec::new();
    for entries in chunks {
        let pushed =
            tree.push(entries[0].0.sort_key, entries[entries.len() - 1].0.sort_key).unwrap();
        if let Some((separator, block)) = pushed {
            directory.push(separator, block);
        }
        let line: Vec<_> = entries.iter().map(|(probe, number)| (probe.hash, *number)).collect();
        blocks.extend_from_slice(&block::hashed_line(&line, number_bits));
    }
    let (tree, runs) = tree.finish().unwrap();
    image.section(SectionKind::Tree(mode), &tree);
    image.section(SectionKind::Blocks(mode), &blocks);
    image.section(SectionKind::Runs(mode), &runs);
    image.section(SectionKind::Directory(mode), &directory.finish());
}

struct Image {
    bytes: Vec<u8>,
    sections: Vec<SectionEntry>,
}

impl Image {
    fn section(&mut self, kind: SectionKind, bytes: &[u8]) {
        let (offset, length) = (self.bytes.len() as u64, bytes.len() as u64);
        self.sections.push(SectionEntry { kind, offset, length, sum: sum_of_section(bytes) });
        self.bytes.extend_from_slice(bytes);
        self.bytes.resize(self.bytes.len().next_multiple_of(PAGE_BYTES), 0);
    }
}
