//! The register in pieces that can be made at the same time: the base, then what each upload brings.
//!
//! The base ends where `synth --records` ends, in the middle of a part perhaps. What such a cut-off part
//! holds differs from the beginning of the whole one in its last sitting, so uploads begin with the next
//! part: no number of theirs can be in the base.

use anyhow::ensure;
use zhengcha_engine::Certificate;
use zhengcha_engine::testing::{Part, Register};

use super::Wanted;
use super::uploads::Acceptance;

/// A run of certificates within one part.
pub(super) struct Piece {
    /// Number of the upload; 0 is the base.
    pub(super) since: u32,
    /// Place of the first among all of its base or upload.
    pub(super) first: u64,
    part: Part,
    skip: u64,
    take: u64,
}

impl Piece {
    /// Gives each certificate as it will be served, with its place, until `each` says that it has enough.
    /// Rows that the loader would not accept are left out.
    pub(super) fn for_each(
        self,
        acceptance: &Acceptance,
        mut each: impl FnMut(u64, &Certificate) -> bool,
    ) {
        let mut stream = self.part.certificates();
        let mut made = Certificate::default();
        for at in 0..self.skip + self.take {
            if !stream.fill(&mut made) {
                return;
            }
            let Some(place) = at.checked_sub(self.skip) else { continue };
            let place = self.first + place;
            let goes_on = if self.since == 0 {
                each(place, &made)
            } else {
                acceptance.loaded(&made).is_none_or(|loaded| each(place, &loaded))
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Certificates in it, accepted or not.
    pub(super) fn records(&self) -> u64 {
        self.take
    }
}

/// Everything, the base first.
///
/// # Errors
/// When there are not so many certificates.
pub(super) fn all(wanted: &Wanted) -> anyhow::Result<impl Iterator<Item = Piece> + Send> {
    let size = wanted.part_records.max(1);
    let brought: u64 = wanted.uploads.iter().sum();
    let needed = wanted.records.div_ceil(size).saturating_add(brought.div_ceil(size)) * size;
    let most = Register::capacity();
    ensure!(
        wanted.records <= most && (brought == 0 || needed <= most),
        "{} certificates and {brought} in uploads are more than the {most} that can be invented: ask \
         for a smaller register or smaller uploads",
        wanted.records
    );
    let base = Register::new(wanted.seed, wanted.records, size).map(move |part| Piece {
        since: 0,
        first: part.number() * size,
        skip: 0,
        take: part.records(),
        part,
    });
    let uploads: Vec<u32> = (1..).take(wanted.uploads.len()).collect();
    let wanted = wanted.clone();
    Ok(base.chain(uploads.into_iter().flat_map(move |number| upload(&wanted, number))))
}

/// What one upload brings, from number 1 on; nothing for a number that there is not.
pub(super) fn upload(wanted: &Wanted, number: u32) -> Vec<Piece> {
    let size = wanted.part_records.max(1);
    let before = (number as usize).wrapping_sub(1);
    let Some(&rows) = wanted.uploads.get(before) else { return Vec::new() };
    let begin: u64 =
        wanted.records.div_ceil(size) * size + wanted.uploads[..before].iter().sum::<u64>();
    let end = begin + rows;
    let parts = (begin / size) as usize;
    // Whole parts, so that what one holds does not depend on what comes after it.
    Register::new(wanted.seed, end.div_ceil(size) * size, size)
        .skip(parts)
        .map(|part| {
            let part_begin = part.number() * size;
            let skip = begin.saturating_sub(part_begin);
            let take = (part_begin + part.records()).min(end).saturating_sub(part_begin + skip);
            Piece { since: number, first: part_begin + skip - begin, part, skip, take }
        })
        .filter(|piece| piece.take > 0)
        .collect()
}
