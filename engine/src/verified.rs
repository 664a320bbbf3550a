//! Marks of segments that were read and found sound: `verified/<id>` in the store.
//!
//! A mark is the identity of the file at that moment: device, inode, length, times of change, and the
//! boot of the machine. It is believed only while all of these are the same. A published file is
//! never written; whoever writes it all the same moves its change time, which no program can set; and
//! whatever the disk does to it later would meet a server that never stopped just as well. So opening
//! a marked segment again in the same boot is as safe as having gone on serving it. A mark that says
//! anything else, or is damaged, means the segment is read in full.

use crate::checksum::{hex128, sum128};
use crate::store::Store;
use std::fs::Metadata;

const BOOT_ID_PATH: &str = "/proc/sys/kernel/random/boot_id";

/// The text of the mark of a file, as it is now; `None` where the system does not tell its boots
/// apart.
fn mark(id: &str, metadata: &Metadata) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    let boot = std::fs::read_to_string(BOOT_ID_PATH).ok()?;
    let text = format!(
        "zhengcha-verified 1 {id}\ndevice {} inode {} bytes {}\nmodified {}.{:09} changed {}.{:09}\n\
         boot {}\n",
        metadata.dev(),
        metadata.ino(),
        metadata.len(),
        metadata.mtime(),
        metadata.mtime_nsec(),
        metadata.ctime(),
        metadata.ctime_nsec(),
        boot.trim(),
    );
    let sum = hex128(sum128(text.as_bytes()));
    Some(format!("{text}sum {sum}\n"))
}

/// Whether the segment file that was opened carries a mark that still holds.
pub(crate) fn is_marked(store: &Store, id: &str, opened: &Metadata) -> bool {
    let expected = mark(id, opened);
    let found = std::fs::read(store.verified_path(id)).ok();
    matches!((expected, found), (Some(expected), Some(found)) if expected.as_bytes() == found)
}

/// The mark of a file under this name; `None` when there can be none.
#[cfg(feature = "build")]
pub(crate) fn mark_of(id: &str, path: &std::path::Path) -> std::io::Result<Option<String>> {
    Ok(mark(id, &std::fs::metadata(path)?))
}
