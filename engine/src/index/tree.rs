//! The block tree: an FST that maps the shortest separator of each block to the block's number.
//!
//! A 56-bit sort key is spelt as two bytes and eight 5-bit symbols, so that below the second byte a
//! node has at most 32 children and no 256-byte index. A search wants the *last block whose
//! separator is not above the key*. Outputs rise with the keys and the output of a path is the
//! smallest below it; hence the block is one less than the smallest output above the key, found in
//! one pass down.
//!
//! The pass reads the bytes of fst format 3 itself: the crate's node interface costs about twice as
//! much. `verify` walks every node once through this decoder and a test holds it against the crate.

use crate::error::OpenError;
use std::path::Path;

/// Symbols of a spelt sort key.
pub(crate) const SYMBOLS: usize = 10;

/// The spelling of a sort key; order of spellings is order of keys.
#[inline]
pub(crate) fn spell(sort_key: u64) -> [u8; SYMBOLS] {
    let mut symbols = [0u8; SYMBOLS];
    symbols[0] = (sort_key >> 48) as u8;
    symbols[1] = (sort_key >> 40) as u8;
    for (index, symbol) in symbols[2..].iter_mut().enumerate() {
        *symbol = (sort_key >> (35 - 5 * index)) as u8 & 31;
    }
    symbols
}

/// What the pass down knows at one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    /// Address of the node; 0 when the answer is already certain.
    pub(super) node: u32,
    /// Output of the path so far.
    output: u32,
    /// Smallest output above the path.
    above: u32,
}

impl State {
    /// The last block whose separator is not above the key, once the walk is over.
    #[inline]
    pub(super) fn block(&self) -> u32 {
        self.above.saturating_sub(1)
    }
}

/// A decoded step: where a symbol leads, and the smallest output of the symbols above it.
struct Step {
    child: Option<(u32, u32)>,
    above: Option<u32>,
}

/// Searches the tree section of one index.
#[derive(Debug)]
pub(crate) struct Tree {
    /// States after the first one or two symbols.
    jump: Box<[State]>,
    jump_symbols: usize,
}

/// Trees of fewer blocks get a jump table over one symbol, others over two.
const SMALL_TREE_BLOCKS: u32 = 2048;
const FST_FOOTER_BYTES: usize = 20;
const FST_HEADER_BYTES: usize = 16;

impl Tree {
    /// Checks a tree section in full and prepares its jump table.
    ///
    /// `blocks` is the number of blocks, `runs` of those that have no separator.
    pub(crate) fn verify(
        path: &Path,
        place: &str,
        section: &[u8],
        blocks: u32,
        runs: &[u8],
    ) -> Result<Self, OpenError> {
        let corrupt = |detail: String| OpenError::corrupt(path, place, detail);
        if u32::try_from(section.len()).is_err() {
            return Err(corrupt("longer than node addresses reach".to_owned()));
        }
        let fst = fst::raw::Fst::new(section).map_err(|error| corrupt(error.to_string()))?;
        fst.verify().map_err(|error| corrupt(error.to_string()))?;
        let root = root_address(section).ok_or_else(|| corrupt("no root".to_owned()))?;
        check_nodes(section, root, blocks, runs).map_err(corrupt)?;
        Ok(Self::with_jump_table(section, root, blocks))
    }

    fn with_jump_table(section: &[u8], root: u32, blocks: u32) -> Self {
        let jump_symbols = if blocks < SMALL_TREE_BLOCKS { 1 } else { 2 };
        let root = State { node: root, output: 0, above: blocks };
        let mut jump = vec![State::default(); 1 << (8 * jump_symbols)].into_boxed_slice();
        for first in 0..=255u8 {
            let state = advance(section, root, first);
            if jump_symbols == 1 {
                jump[usize::from(first)] = state;
                continue;
            }
            for second in 0..=255u8 {
                jump[usize::from(first) << 8 | usize::from(second)] =
                    if state.node == 0 { state } else { advance(section, state, second) };
            }
        }
        Self { jump, jump_symbols }
    }

    /// The last block whose separator is not above `sort_key`; 0 when there is none.
    #[inline]
    pub(crate) fn floor(&self, section: &[u8], sort_key: u64) -> u32 {
        let symbols = spell(sort_key);
        let (mut state, known) = self.start(sort_key);
        for &symbol in &symbols[known..] {
            if state.node == 0 {
                break;
            }
            state = advance(section, state, symbol);
        }
        state.block()
    }

    /// The state the jump table has for a key, and how many symbols that covers.
    #[inline]
    pub(super) fn start(&self, sort_key: u64) -> (State, usize) {
        if self.jump_symbols == 2 {
            (self.jump[(sort_key >> 40) as usize], 2)
        } else {
            (self.jump[(sort_key >> 48) as usize], 1)
        }
    }
}

/// One symbol further down.
#[inline]
pub(super) fn advance(section: &[u8], state: State, symbol: u8) -> State {
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

/// A node of fst format 3. Fields lie *below* its address; transitions and inputs are stored
/// backwards.
#[derive(Clone, Copy)]
enum Node {
    /// One transition to the node just below, no output.
    Next { input: u8, child: u32 },
    /// One transition.
    One { input: u8, output: u32, child: u32 },
    /// Any number of transitions.
    Any(AnyNode),
}

#[derive(Clone, Copy)]
struct AnyNode {
    /// End (exclusive) of the inputs.
    inputs_end: usize,
    transitions: usize,
    child_bytes: usize,
    output_bytes: usize,
    /// Lowest address of the node.
    low: usize,
    is_final: bool,
}

/// The node at this address; `None` for the empty final node (address 0) and outside the section.
#[inline]
fn node(section: &[u8], address: u32) -> Option<Node> {
    if address == 0 {
        return None;
    }
    let at = address as usize;
    let state = *section.get(at)?;
    if state & 0x80 == 0 {
        return any_node(section, at, state).map(Node::Any);
    }
    let (input, below) = match state & 0x3F {
        0 => (*section.get(at.checked_sub(1)?)?, at - 1),
        common => (fst_common_input(common), at),
    };
    if state & 0x40 != 0 {
        return Some(Node::Next { input, child: below.checked_sub(1)? as u32 });
    }
    let sizes_at = below.checked_sub(1)?;
    let (child_bytes, output_bytes) = pack_sizes(*section.get(sizes_at)?);
    let child_at = sizes_at.checked_sub(child_bytes)?;
    let low = child_at.checked_sub(output_bytes)?;
    Some(Node::One {
        input,
        output: unpack(section, low, output_bytes)?,
        child: child_address(section, child_at, child_bytes, low)?,
    })
}

#[inline]
fn any_node(section: &[u8], at: usize, state: u8) -> Option<AnyNode> {
    let (transitions, below) = match state & 0x3F {
        0 => match *section.get(at.checked_sub(1)?)? {
            1 => (256, at - 1),
            count => (usize::from(count), at - 1),
        },
        count => (usize::from(count), at),
    };
    let sizes_at = below.checked_sub(1)?;
    let (child_bytes, output_bytes) = pack_sizes(*section.get(sizes_at)?);
    let index_bytes = if transitions > 32 { 256 } else { 0 };
    let inputs_end = sizes_at.checked_sub(index_bytes)?;
    let is_final = state & 0x40 != 0;
    let below_inputs =
        transitions * (1 + child_bytes + output_bytes) + if is_final { output_bytes } else { 0 };
    let low = inputs_end.checked_sub(below_inputs)?;
    Some(AnyNode { inputs_end, transitions, child_bytes, output_bytes, low, is_final })
}

impl AnyNode {
    #[inline]
    fn input(&self, section: &[u8], index: usize) -> Option<u8> {
        section.get(self.inputs_end - 1 - index).copied()
    }

    #[inline]
    fn output(&self, section: &[u8], index: usize) -> Option<u32> {
        let at = self.inputs_end
            - self.transitions * (1 + self.child_bytes)
            - (index + 1) * self.output_bytes;
        unpack(section, at, self.output_bytes)
    }

    #[inline]
    fn child(&self, section: &[u8], index: usize) -> Option<u32> {
        let at = self.inputs_end - self.transitions - (index + 1) * self.child_bytes;
        child_address(section, at, self.child_bytes, self.low)
    }

    fn final_output(&self, section: &[u8]) -> Option<u32> {
        unpack(section, self.low, self.output_bytes)
    }

    /// Number of transitions with an input below `symbol`.
    #[inline]
    fn rank(&self, section: &[u8], symbol: u8) -> usize {
        let inputs =
            section.get(self.inputs_end - self.transitions..self.inputs_end).unwrap_or_default();
        inputs.iter().map(|&input| usize::from(input < symbol)).sum()
    }
}

impl Node {
    #[inline]
    fn step(&self, section: &[u8], symbol: u8) -> Step {
        let single = |input: u8, output: u32, child: u32| Step {
            child: (input == symbol).then_some((child, output)),
            above: (input > symbol).then_some(output),
        };
        match *self {
            Self::Next { input, child } => single(input, 0, child),
            Self::One { input, output, child } => single(input, output, child),
            Self::Any(node) => {
                let rank = node.rank(section, symbol);
                let found = rank < node.transitions && node.input(section, rank) == Some(symbol);
                let next = rank + usize::from(found);
                Step {
                    child: if found {
                        node.child(section, rank).zip(node.output(section, rank))
                    } else {
                        None
                    },
                    above: (next < node.transitions).then(|| node.output(section, next)).flatten(),
                }
            }
        }
    }

    fn transitions(&self) -> usize {
        match self {
            Self::Any(node) => node.transitions,
            _ => 1,
        }
    }

    /// Transition `index`: input, output, child.
    fn transition(&self, section: &[u8], index: usize) -> Option<(u8, u32, u32)> {
        match *self {
            Self::Next { input, child } => Some((input, 0, child)),
            Self::One { input, output, child } => Some((input, output, child)),
            Self::Any(node) => Some((
                node.input(section, index)?,
                node.output(section, index)?,
                node.child(section, index)?,
            )),
        }
    }
}

#[inline]
fn pack_sizes(byte: u8) -> (usize, usize) {
    (usize::from(byte >> 4), usize::from(byte & 15))
}

#[inline]
fn unpack(section: &[u8], at: usize, bytes: usize) -> Option<u32> {
    // Four bytes at once when they are there: addresses and outputs are below 2^32.
    let word = section.get(at..at + 4)?;
    let value = u32::from_le_bytes([word[0], word[1], word[2], word[3]]);
    match bytes {
        0 => Some(0),
        1..=3 => Some(value & ((1 << (8 * bytes)) - 1)),
        4 => Some(value),
        _ => None,
    }
}

#[inline]
fn child_address(section: &[u8], at: usize, bytes: usize, low: usize) -> Option<u32> {
    match unpack(section, at, bytes)? {
        0 => Some(0),
        delta => Some((low as u32).checked_sub(delta)?),
    }
}

fn root_address(section: &[u8]) -> Option<u32> {
    let at = section.len().checked_sub(FST_FOOTER_BYTES)?;
    let root = section.get(at + 8..at + 16)?;
    let mut word = [0u8; 8];
    word.copy_from_slice(root);
    u32::try_from(u64::from_le_bytes(word)).ok()
}

/// The inverse of fst's table of common inputs: what a node's six input bits stand for.
#[inline]
fn fst_common_input(code: u8) -> u8 {
    const COMMON: &[u8; 63] = b"te/oasripcnw.hlm-du012g=:bf3y5&_4v9678k%?xCDASFIBEjPTzRNM+LOqHG";
    COMMON.get(usize::from(code) - 1).copied().unwrap_or(0)
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
        Some(Node::Any(any)) if any.is_final => any.final_output(section),
        _ => None,
    };
    let mut stack = Vec::with_capacity(SYMBOLS + 1);
    let start = frame(root, 0, section.len() as u32)?;
    if root == 0 || matches!(start.node, Some(Node::Any(any)) if any.is_final) {
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
