//! The block tree: an FST that maps the shortest separator of each block to the block's number.
//!
//! A 56-bit sort key is spelt as two bytes and eight 5-bit symbols, so that below the second byte a
//! node has at most 32 children and no 256-byte index. A search wants the *last block whose
//! separator is not above the key*. Outputs rise with the keys and the output of a path is the
//! smallest below it; hence the block is one less than the smallest output above the key, found in
//! one pass down.
//!
//! `verify` walks every node once through the own decoder (`node`), and a test holds it against the
//! crate. What lies above the third symbol or so is unfolded when a tree is opened (`top`,
//! `directory`).

use super::directory::{self, COUNT_MAX, Directory};
use super::node::{Node, node, root_address};
use super::top::{BLOCKS_MAX, Runs, Top};
use crate::error::OpenError;
use crate::format::HASHED_BLOCK_ENTRIES;
use std::path::Path;

/// Symbols of a spelt sort key.
pub(crate) const SYMBOLS: usize = 10;

#[cfg(feature = "build")]
/// The spelling of a sort key; order of spellings is order of keys.
#[inline]
pub(crate) fn spell(sort_key: u64) -> [u8; SYMBOLS] {
    std::array::from_fn(|depth| symbol(sort_key, depth as u8))
}

/// What the pass down knows at one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Address of the node; 0 when the answer is already certain.
    pub(super) node: u32,
    /// Output of the path so far.
    pub(super) output: u32,
    /// Smallest output above the path.
    pub(super) above: u32,
}

/// Searches the tree section of one index.
#[derive(Debug)]
pub(crate) struct Tree {
    top: Top,
    directory: Option<Directory>,
    runs: Runs,
}

/// Most blocks that a search leaves: those that begin in one slot of a directory, the one before them,
/// and one more where a run of equal keys goes back.
pub(crate) const CANDIDATES_MAX: u32 = COUNT_MAX + 2;
const _: () = assert!(CANDIDATES_MAX as usize * HASHED_BLOCK_ENTRIES <= 64);

/// Which blocks may hold a key: `low` to `high`, both included, at most [`CANDIDATES_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Candidates {
    pub(crate) low: u32,
    pub(crate) high: u32,
    /// Whether block `low` begins within a run of equal keys, so that the block before counts too.
    pub(crate) low_within_run: bool,
}

/// A search on its way down, one symbol at a time.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Descent {
    state: State,
    depth: u8,
}

/// A search begun.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begun {
    Found(Candidates),
    Descending(Descent),
}

const FST_HEADER_BYTES: usize = 16;

impl Tree {
    /// Checks a tree section in full and prepares its tables.
    ///
    /// `blocks` is the number of blocks, `runs` of those that have no separator.
    pub(crate) fn verify(
        path: &Path,
        place: &str,
        section: &[u8],
        (blocks, runs): (u32, &[u8]),
        directory: &[u8],
    ) -> Result<Self, OpenError> {
        let corrupt = |detail: String| OpenError::corrupt(path, place, detail);
        let fst = fst::raw::Fst::new(section).map_err(|error| corrupt(error.to_string()))?;
        fst.verify().map_err(|error| corrupt(error.to_string()))?;
        let root = root_address(section).ok_or_else(|| corrupt("no root".to_owned()))?;
        check_nodes(section, root, blocks, runs).map_err(corrupt)?;
        if directory != directory::derive(section, root, blocks) {
            return Err(corrupt("its directory is that of another tree".to_owned()));
        }
        Self::open(path, place, section, (blocks, runs), directory)
    }

    /// Prepares the tables of a tree that was checked before.
    pub(crate) fn open(
        path: &Path,
        place: &str,
        section: &[u8],
        (blocks, runs): (u32, &[u8]),
        directory: &[u8],
    ) -> Result<Self, OpenError> {
        let corrupt = |detail: &str| OpenError::corrupt(path, place, detail);
        if u32::try_from(section.len()).is_err() || blocks > BLOCKS_MAX {
            return Err(corrupt("longer than node addresses reach"));
        }
        let root = root_address(section).ok_or_else(|| corrupt("no root"))?;
        let io = |error| OpenError::io(path, error);
        let runs = Runs::new(runs, blocks);
        let top = Top::build(section, root, blocks, Top::symbols(blocks)).map_err(io)?;
        let directory = Directory::open(path, place, directory, blocks)?;
        Ok(Self { top, directory, runs })
    }

    /// Asks for the memory that [`Tree::begin`] will read.
    #[inline]
    pub(crate) fn prefetch(&self, sort_key: u64) {
        match &self.directory {
            Some(directory) => directory.prefetch(sort_key),
            None => self.top.prefetch(sort_key),
        }
    }

    /// Begins a search.
    #[inline]
    pub(crate) fn begin(&self, sort_key: u64) -> Begun {
        if let Some(candidates) =
            self.directory.as_ref().and_then(|it| it.candidates(sort_key, &self.runs))
        {
            return Begun::Found(candidates);
        }
        Begun::Descending(self.top.descent(sort_key))
    }

    /// The blocks that may begin with this key: where the directory leaves few, these; else the one
    /// that the tree tells.
    #[inline]
    pub(crate) fn candidates(&self, section: &[u8], sort_key: u64) -> Candidates {
        match self.begin(sort_key) {
            Begun::Found(candidates) => candidates,
            Begun::Descending(descent) => self.candidate(descent.floor(section, sort_key)),
        }
    }

    /// One block as the only candidate.
    #[inline]
    pub(crate) fn candidate(&self, block: u32) -> Candidates {
        Candidates { low: block, high: block, low_within_run: self.begins_within_run(block) }
    }

    /// Whether the first sort key of this block is also the last of the block before.
    #[inline]
    pub(crate) fn begins_within_run(&self, block: u32) -> bool {
        self.runs.contains(block)
    }

    /// The last block whose separator is not above `sort_key`; 0 when there is none.
    #[cfg(test)]
    fn floor(&self, section: &[u8], sort_key: u64) -> u32 {
        self.top.descent(sort_key).floor(section, sort_key)
    }
}

impl Descent {
    #[inline]
    pub(super) fn at(state: State, depth: u8) -> Self {
        Self { state, depth }
    }

    /// Symbols behind it.
    #[cfg(feature = "build")]
    #[inline]
    pub(super) fn depth(&self) -> usize {
        usize::from(self.depth)
    }

    /// The node that is read next; `None` at the end of the search.
    #[inline]
    pub(crate) fn node(&self) -> Option<u32> {
        (self.state.node != 0).then_some(self.state.node)
    }

    /// One symbol further down.
    #[inline]
    pub(crate) fn step(&mut self, section: &[u8], sort_key: u64) {
        self.state = advance(section, self.state, symbol(sort_key, self.depth));
        self.depth += 1;
        if usize::from(self.depth) == SYMBOLS {
            self.state.node = 0;
        }
    }

    /// The block, once the search has ended.
    #[inline]
    pub(crate) fn block(&self) -> u32 {
        self.state.above.saturating_sub(1)
    }

    #[inline]
    fn floor(mut self, section: &[u8], sort_key: u64) -> u32 {
        while self.node().is_some() {
            self.step(section, sort_key);
        }
        self.block()
    }
}

/// Symbol `depth` of a sort key.
#[inline]
fn symbol(sort_key: u64, depth: u8) -> u8 {
    match depth {
        0 => (sort_key >> 48) as u8,
        1 => (sort_key >> 40) as u8,
        _ => (sort_key >> (45 - 5 * u32::from(depth))) as u8 & 31,
    }
}

/// One symbol further down.
#[inline]
fn advance(section: &[u8], state: State, symbol: u8) -> State {
    let Some(node) = node(section, state.node) else {
        return State { node: 0, ..state };
    };
    let step = node.step(section, symbol);
    let above = step.above.map_or(state.above, |above| state.output + above);
    match step.child {
        Some((child, output)) => State { node: child, output: state.output + output, above },
        None => State { node: 0, output: state.output, above },
    }
}

/// Walks every path once: the decoder must stay inside the section and deliver exactly one
/// separator for each block that is neither the first nor inside a run, numbers rising.
fn check_nodes(section: &[u8], root: u32, blocks: u32, runs: &[u8]) -> Result<(), String> {
    struct Frame {
        node: Option<Node>,
        output: u32,
        next: usize,
        address: u32,
    }
    let (runs, rest) = runs.as_chunks::<4>();
    if !rest.is_empty() {
        return Err("runs are cut".to_owned());
    }
    let mut runs = runs.iter().map(|word| u32::from_le_bytes(*word)).peekable();
    let mut expected = 1u32;
    let mut arrive = |output: u32| -> Result<(), String> {
        while runs.next_if_eq(&expected).is_some() {
            expected += 1;
        }
        if output != expected || output >= blocks {
            return Err(format!("separator of block {output} where {expected} was due"));
        }
        expected += 1;
        Ok(())
    };
    let frame = |address: u32, output: u32, limit: u32| -> Result<Frame, String> {
        let node = node(section, address);
        let outside = address != 0
            && (node.is_none() || address >= limit || (address as usize) < FST_HEADER_BYTES);
        if outside {
            return Err(format!("node {address} lies outside"));
        }
        Ok(Frame { node, output, next: 0, address })
    };
    let enter = |frame: &Frame| match frame.node {
        None => Some(0),
        Some(node) => node.final_output(section),
    };
    let mut stack = Vec::with_capacity(SYMBOLS + 1);
    let start = frame(root, 0, section.len() as u32)?;
    if start.node.is_none_or(|node| node.final_output(section).is_some()) {
        return Err("a separator of no symbols".to_owned());
    }
    stack.push(start);
    while let Some(top) = stack.last_mut() {
        let node = top.node.filter(|node| top.next < node.transitions());
        let Some(node) = node else {
            stack.pop();
            continue;
        };
        let (_, output, child) = node
            .transition(section, top.next)
            .ok_or_else(|| format!("node {} is cut", top.address))?;
        top.next += 1;
        let below = frame(child, top.output.saturating_add(output), top.address)?;
        if stack.len() > SYMBOLS {
            return Err("a separator of too many symbols".to_owned());
        }
        if let Some(last) = enter(&below) {
            arrive(below.output.saturating_add(last))?;
        }
        stack.push(below);
    }
    while runs.next_if_eq(&expected).is_some() {
        expected += 1;
    }
    if expected != blocks.max(1) || runs.next().is_some() {
        return Err(format!("{expected} blocks reachable, {blocks} there"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tree_builder::TreeBuilder;
    use super::*;
    use proptest::prelude::*;
    use std::path::PathBuf;

    /// A tree over blocks with these first sort keys (rising, the last key of a block being its
    /// first), with its tables unfolded to `symbols` symbols.
    fn tree(firsts: &[u64], symbols: usize, directory: bool) -> (Vec<u8>, Tree) {
        let mut builder = TreeBuilder::new(Vec::new(), PathBuf::new()).unwrap();
        for &first in firsts {
            builder.push(first, first).unwrap();
        }
        let (section, runs) = builder.finish().unwrap();
        let (blocks, path) = (firsts.len() as u32, Path::new("test"));
        let root = root_address(&section).unwrap();
        let derived = directory::derive(&section, root, blocks);
        Tree::verify(path, "tree", &section, (blocks, &runs), &derived).unwrap();
        let top = Top::build(&section, root, blocks, symbols).unwrap();
        let runs = Runs::new(&runs, blocks);
        let opened = Directory::open(path, "tree", &derived, blocks).unwrap();
        (section, Tree { top, directory: opened.filter(|_| directory), runs })
    }

    fn check(mut firsts: Vec<u64>, asked: &[u64]) {
        firsts.sort_unstable();
        let firsts = firsts.as_slice();
        for symbols in 1..=3 {
            let (section, plain) = tree(firsts, symbols, false);
            let (_, unfolded) = tree(firsts, symbols, true);
            for &key in firsts.iter().chain(asked) {
                let floor = plain.floor(&section, key);
                // A separator may be anything above the block before: of other keys the floor may be
                // a block further up.
                if firsts.contains(&key) {
                    let last = firsts.partition_point(|&first| first <= key) - 1;
                    assert_eq!(floor as usize, last, "{symbols} symbols, key {key:x}");
                }
                let Candidates { low, high, low_within_run } = unfolded.candidates(&section, key);
                assert!((low..=high).contains(&floor), "{symbols} symbols, key {key:x}");
                let within = low > 0 && firsts[low as usize] == firsts[low as usize - 1];
                assert_eq!(low_within_run, within, "{symbols} symbols, key {key:x}");
            }
        }
    }

    #[test]
    fn the_directory_of_another_tree_is_refused() {
        let mut builder = TreeBuilder::new(Vec::new(), PathBuf::new()).unwrap();
        for block in 0..100 {
            builder.push(block << 49, block << 49 | 1).unwrap();
        }
        let (section, runs) = builder.finish().unwrap();
        let root = root_address(&section).unwrap();
        let right = directory::derive(&section, root, 100);
        let read = |directory: &[u8], marked: bool| {
            let read = if marked { Tree::open } else { Tree::verify };
            read(Path::new("-"), "tree", &section, (100, &runs), directory).map_err(|error| {
                assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
                error.to_string()
            })
        };
        assert!(read(&right, false).is_ok() && read(&right, true).is_ok());
        let mut other = right.clone();
        other[4] ^= 1;
        let error = read(&other, false).unwrap_err();
        assert!(error.contains("its directory is that of another tree"), "{error}");
        // Whatever is taken on trust, no search is led outside.
        other[0] = 101;
        let error = read(&other, true).unwrap_err();
        assert!(error.contains("directory leads past the last block"), "{error}");
        let error = read(&right[4..], true).unwrap_err();
        assert!(error.contains("bytes of directory"), "{error}");
    }

    proptest! {
        #[test]
        fn tables_and_tree_agree(
            firsts in prop::collection::vec(0u64..1 << 56, 1..200),
            asked in prop::collection::vec(0u64..1 << 56, 50),
        ) {
            check(firsts, &asked);
        }

        #[test]
        fn also_in_long_runs_after_short_separators(
            run in 1usize..40,
            head in 1u64..255,
            tail in prop::collection::vec(1u64..1 << 40, 1..60),
        ) {
            // A block that begins with a one-symbol separator, many that begin within its run, and
            // more under the same symbol.
            let start = head << 48;
            let firsts = std::iter::once(start - (1 << 30))
                .chain(std::iter::repeat_n(start | 8, run))
                .chain(tail.iter().map(|&low| start | low))
                .collect();
            let asked: Vec<u64> = tail.iter().map(|&low| start | low ^ 64).collect();
            check(firsts, &asked);
        }

        #[test]
        fn also_where_keys_crowd_and_repeat(
            firsts in prop::collection::vec((0u64..4, 0u64..3, 0u64..4000), 1..400),
            asked in prop::collection::vec((0u64..5, 0u64..3, 0u64..4000), 50),
        ) {
            let key = |(high, middle, low): (u64, u64, u64)| high << 40 | middle << 35 | low;
            let asked: Vec<u64> = asked.into_iter().map(key).collect();
            check(firsts.into_iter().map(key).collect(), &asked);
        }
    }
}
