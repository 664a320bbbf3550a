//! How a snapshot is opened: where its bytes lie, on how many threads it is verified, what is taken on
//! trust.

/// Where the bytes of a segment lie while it is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// Mapped from the file. The page cache is the memory: shared by every process that maps the file,
    /// given back when the system needs it.
    #[default]
    Mapped,
    /// Mapped, and read page by page, each when a lookup asks for it and nothing beside it: for a
    /// register larger than the memory there is for it.
    Paged,
    /// Mapped, and every page brought in before the first lookup.
    Populated,
    /// Mapped, brought in and kept in: the system may not page it out. Needs `RLIMIT_MEMLOCK`.
    Locked,
    /// Copied into anonymous memory of huge pages. Costs the size of the file in memory of this
    /// process alone.
    Huge,
}

impl Memory {
    /// Every policy.
    pub const ALL: [Self; 5] =
        [Self::Mapped, Self::Paged, Self::Populated, Self::Locked, Self::Huge];

    /// The name in settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Paged => "paged",
            Self::Populated => "populated",
            Self::Locked => "locked",
            Self::Huge => "huge",
        }
    }
}

/// How a snapshot is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opening {
    /// Where its bytes lie.
    pub memory: Memory,
    /// Threads that verify it, at least one.
    pub threads: usize,
    /// Whether a segment that was verified in this boot of the machine and has not changed is taken
    /// as sound without reading it again (`verified/<id>` in the store).
    pub trust_marks: bool,
}

impl Default for Opening {
    /// Mapped, verified on all cores, marks believed.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        Self { memory: Memory::default(), threads, trust_marks: true }
    }
}
