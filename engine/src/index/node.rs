//! The nodes of fst format 3, read from the mapped bytes: the crate's own node interface costs about
//! twice as much. Total over any bytes: what lies outside the section reads as nothing.

const FST_FOOTER_BYTES: usize = 20;

/// A decoded step: where a symbol leads, and the smallest output of the symbols above it.
pub(super) struct Step {
    pub(super) child: Option<(u32, u32)>,
    pub(super) above: Option<u32>,
}

/// A node of fst format 3. Fields lie *below* its address; transitions and inputs are stored
/// backwards.
#[derive(Clone, Copy)]
pub(super) enum Node {
    /// One transition to the node just below, no output.
    Next { input: u8, child: u32 },
    /// One transition.
    One { input: u8, output: u32, child: u32 },
    /// Any number of transitions.
    Any(AnyNode),
}

#[derive(Clone, Copy)]
pub(super) struct AnyNode {
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
pub(super) fn node(section: &[u8], address: u32) -> Option<Node> {
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

    #[inline]
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
    pub(super) fn step(&self, section: &[u8], symbol: u8) -> Step {
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

    /// Output of the separator that ends here, if one does.
    #[inline]
    pub(super) fn final_output(&self, section: &[u8]) -> Option<u32> {
        match self {
            Self::Any(node) if node.is_final => node.final_output(section),
            _ => None,
        }
    }

    /// Number of transitions.
    #[inline]
    pub(super) fn transitions(&self) -> usize {
        match self {
            Self::Any(node) => node.transitions,
            _ => 1,
        }
    }

    /// Transition `index`: input, output, child.
    #[inline]
    pub(super) fn transition(&self, section: &[u8], index: usize) -> Option<(u8, u32, u32)> {
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

pub(super) fn root_address(section: &[u8]) -> Option<u32> {
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
