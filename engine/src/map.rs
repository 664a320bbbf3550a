//! The only place that maps memory: files read-only, and anonymous memory for copies and tables.
//!
//! Mapping a file is sound because of the store's first invariant: a published file is never written,
//! truncated or reused, only unlinked. Whoever breaks that from outside can end the process (SIGBUS),
//! so the store belongs to the loader's account alone.
//!
//! Large files are asked for in huge pages: where the file system keeps large folios (ext4 since
//! Linux 6.16, xfs, btrfs) a map of the page cache then costs one table entry for 2 MiB.
#![allow(unsafe_code)]

use crate::error::OpenError;
use crate::opening::Memory;
use crate::parallel;
use memmap2::{Advice, Mmap, MmapMut};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

/// Bytes of a huge page; smaller maps gain nothing from one.
const HUGE_PAGE_BYTES: usize = 2 << 20;
/// Bytes read at a time into a copy.
const COPY_BYTES: usize = 16 << 20;

/// A whole file, readable; the bytes outlive the name of the file.
#[derive(Debug)]
pub(crate) struct MappedFile {
    map: Mmap,
    metadata: Metadata,
    memory: Memory,
}

impl MappedFile {
    /// Opens a file under a memory policy; a copy is read by up to `threads` threads.
    pub(crate) fn open(path: &Path, memory: Memory, threads: usize) -> Result<Self, OpenError> {
        let io = |error| OpenError::io(path, error);
        let file = File::open(path).map_err(io)?;
        let metadata = file.metadata().map_err(io)?;
        if !metadata.is_file() {
            return Err(OpenError::corrupt(path, "file", "not a regular file"));
        }
        let map = match memory {
            Memory::Huge => copy(&file, metadata.len(), threads).map_err(io)?,
            Memory::Mapped | Memory::Paged | Memory::Populated | Memory::Locked => {
                // SAFETY: the store's first invariant (module text): nobody writes or truncates a
                // file under this name once it is there. The map keeps the inode.
                let map = unsafe { Mmap::map(&file) }.map_err(io)?;
                if memory != Memory::Paged {
                    // Only hints: a system without them maps small pages.
                    let _ = map.advise(Advice::WillNeed);
                    if map.len() >= HUGE_PAGE_BYTES {
                        let _ = map.advise(Advice::HugePage);
                    }
                }
                map
            }
        };
        match memory {
            Memory::Mapped | Memory::Paged | Memory::Huge => {}
            Memory::Populated => map.advise(Advice::PopulateRead).map_err(io)?,
            Memory::Locked => map.lock().map_err(|error| OpenError::locked(path, &error))?,
        }
        Ok(Self { map, metadata, memory })
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    /// What the system said of the file when it was opened.
    pub(crate) fn metadata(&self) -> &Metadata {
        &self.metadata
    }

    /// Makes ready for lookups, once all that is read from end to end has been read: brings every page
    /// in, so that first lookups meet neither disk nor page faults, or, page by page, reads nothing more
    /// than lookups ask for.
    pub(crate) fn warm(&self) {
        if self.memory == Memory::Paged {
            // Without it each fault would read what lies around, and push out as much.
            let _ = self.map.advise(Advice::Random);
            return;
        }
        if self.map.advise(Advice::PopulateRead).is_err() {
            let touched = self.map.iter().step_by(4096).map(|&byte| u64::from(byte)).sum::<u64>();
            std::hint::black_box(touched);
        }
    }
}

/// The file in anonymous memory of huge pages, kept out of core dumps.
fn copy(file: &File, length: u64, threads: usize) -> io::Result<Mmap> {
    let length = usize::try_from(length).map_err(io::Error::other)?;
    let mut map = huge(length)?;
    let chunks: Vec<Mutex<&mut [u8]>> =
        map[..length].chunks_mut(COPY_BYTES).map(Mutex::new).collect();
    parallel::tasks(threads, chunks.len(), |number| {
        let mut chunk = chunks[number].lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        file.read_exact_at(&mut chunk, (number * COPY_BYTES) as u64)
    })?;
    drop(chunks);
    map.make_read_only()
}

/// Zeroed anonymous memory, in huge pages where the system gives them.
fn huge(length: usize) -> io::Result<MmapMut> {
    let map = MmapMut::map_anon(length.max(1))?;
    if length >= HUGE_PAGE_BYTES {
        let _ = map.advise(Advice::HugePage);
    }
    let _ = map.advise(Advice::DontDump);
    Ok(map)
}

/// A table derived from a segment when it is opened, in huge pages: little-endian words.
#[derive(Debug)]
pub(crate) struct Table {
    map: MmapMut,
    words: usize,
}

impl Table {
    /// A table of so many zeros.
    pub(crate) fn new(words: usize) -> io::Result<Self> {
        Ok(Self { map: huge(words * 4)?, words })
    }

    /// A table of these words.
    pub(crate) fn copy_of(words: &[[u8; 4]]) -> io::Result<Self> {
        let mut table = Self::new(words.len())?;
        table.words_mut().copy_from_slice(words);
        Ok(table)
    }

    /// The words, each little-endian.
    #[inline]
    pub(crate) fn words(&self) -> &[[u8; 4]] {
        self.map[..self.words * 4].as_chunks().0
    }

    /// The words, to be filled in.
    pub(crate) fn words_mut(&mut self) -> &mut [[u8; 4]] {
        self.map[..self.words * 4].as_chunks_mut().0
    }
}

/// Asks for the cache line that holds byte `at`; a hint that changes nothing, also past the end.
#[inline]
pub(crate) fn prefetch(bytes: &[u8], at: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let address = bytes.as_ptr().wrapping_add(at).cast::<i8>();
        // SAFETY: a prefetch reads nothing into the program and never faults, whatever the address;
        // SSE is part of every x86-64 target.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(address) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (bytes, at);
}
