//! The questions: all six modes in equal parts, in random order, in normal form.

use super::Input;
use crate::passes::{Kind, Random};
use std::collections::HashSet;
use zhengcha_engine::Mode;
use zhengcha_engine::testing::PackedKey;

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'q> {
    /// The two fields asked for.
    pub mode: Mode,
    /// The first, in the order of [`Mode::fields`].
    pub first: &'q str,
    /// The second.
    pub second: &'q str,
}

impl<'q> Ask<'q> {
    /// The question in the engine's packing.
    #[must_use]
    #[inline]
    pub fn key(&self) -> PackedKey<'q> {
        PackedKey::new(self.mode, self.first, self.second)
    }
}

/// Questions in one buffer, so that reading them costs little.
#[derive(Default)]
pub struct QuestionSet {
    text: String,
    asks: Vec<(Mode, u32, u32)>,
}

/// Some of the questions of a set.
#[derive(Clone, Copy)]
pub struct Questions<'q> {
    set: &'q QuestionSet,
    start: usize,
    end: usize,
}

impl QuestionSet {
    /// Draws independent questions. Those of [`Kind::Miss`] put the first field of one certificate beside the
    /// second of another, so that each half is there.
    ///
    /// # Errors
    /// Too few different certificates to draw from.
    pub fn draw(input: &Input, kind: Kind, count: usize, seed: u64) -> anyhow::Result<Self> {
        let mut random = Random(seed);
        // Which pairs are there at all: the truth that misses are held against.
        let held: Vec<HashSet<u64>> = if kind == Kind::Hit {
            Vec::new()
        } else {
            let hashes = |mode| input.all().map(|(_, packed)| packed.hash(mode)).collect();
            Mode::ALL.map(hashes).into()
        };
        let mut set = Self::default();
        let mut tries = 0;
        while set.asks.len() < count {
            tries += 1;
            anyhow::ensure!(
                tries < 100 * count + 1000,
                "too few certificates to draw questions from"
            );
            let mode = Mode::ALL[set.asks.len() % Mode::ALL.len()];
            let mut any = || input.view(random.below(input.len() as u64) as u32);
            let (one, other) = (any(), any());
            let (first, second) = mode.fields();
            let source = if kind == Kind::Hit { &one } else { &other };
            let (first, second) = (one.key_text(first), source.key_text(second));
            let hash = || PackedKey::new(mode, &first, &second).hash();
            if first.is_empty()
                || second.is_empty()
                || held.get(mode as usize).is_some_and(|held| held.contains(&hash()))
            {
                continue;
            }
            set.text.push_str(&first);
            let middle = set.text.len() as u32;
            set.text.push_str(&second);
            set.asks.push((mode, middle, set.text.len() as u32));
        }
        Ok(set)
    }

    /// The first `count` questions, or all when there are fewer.
    #[must_use]
    pub fn first(&self, count: usize) -> Questions<'_> {
        Questions { set: self, start: 0, end: count.min(self.asks.len()) }
    }
}

impl<'q> Questions<'q> {
    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// The number in the set of the first.
    #[must_use]
    pub fn first_ordinal(&self) -> u32 {
        self.start as u32
    }

    /// Two halves.
    #[must_use]
    pub fn halves(&self) -> [Self; 2] {
        let middle = self.start + self.len() / 2;
        [Self { end: middle, ..*self }, Self { start: middle, ..*self }]
    }

    /// Part by part of at most `count` questions.
    pub fn chunks(self, count: usize) -> impl Iterator<Item = Self> {
        (self.start..self.end).step_by(count).map(move |start| Self {
            start,
            end: self.end.min(start + count),
            ..self
        })
    }

    /// The questions and their numbers in the set.
    #[inline]
    pub fn iter(self) -> impl Iterator<Item = (u32, Ask<'q>)> {
        let Self { set, start, end } = self;
        let mut from = start.checked_sub(1).map_or(0, |before| set.asks[before].2 as usize);
        set.asks[start..end].iter().enumerate().map(move |(place, &(mode, middle, end))| {
            let first = &set.text[from..middle as usize];
            let second = &set.text[middle as usize..end as usize];
            from = end as usize;
            ((start + place) as u32, Ask { mode, first, second })
        })
    }
}
