//! Reads a file of claims and cuts it into chunks.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::Context;
use zhengcha_engine::claims::{Charset, Cutter, Position};

use super::kind::Kind;
use super::pool::Chunks;
use super::workbook;
use crate::input::looks_like_utf8;

/// Bytes of one read, and of a chunk.
const READ_BYTES: usize = 512 * 1024;
/// So much of a file tells its charset.
const SAMPLE_BYTES: u64 = 1 << 20;

/// Told how many bytes have been read.
pub(super) type Told<'t> = &'t (dyn Fn(u64) + Sync);

/// Reads the claims from `from` on, or from the beginning.
pub(super) fn read(
    path: &Path,
    kind: Kind,
    charset: Charset,
    from: Option<Position>,
    told: Told<'_>,
    chunks: &mut Chunks,
) -> anyhow::Result<()> {
    let wrong = || format!("{}: no claims can be read", path.display());
    match kind {
        Kind::Workbook => workbook::read(path, from, told, chunks),
        _ => read_text(
            path,
            Cutter::new(kind.format(), charset).with_chunk_bytes(READ_BYTES),
            from,
            told,
            chunks,
        ),
    }
    .with_context(wrong)
}

fn read_text(
    path: &Path,
    mut cutter: Cutter,
    from: Option<Position>,
    told: Told<'_>,
    chunks: &mut Chunks,
) -> anyhow::Result<()> {
    let mut file = File::open(path)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut read_bytes = 0;
    if let Some(position) = from {
        // The header first, for the columns; then the place.
        while !cutter.has_begun() {
            let read = file.read(&mut buffer)?;
            anyhow::ensure!(read > 0, "the file ends in its header; it is not the one begun with");
            cutter.push(&buffer[..read]);
            let _first_chunk = cutter.flush()?;
        }
        cutter.resume(position);
        read_bytes = file.seek(SeekFrom::Start(position.offset))?;
    }
    loop {
        let read = match file.read(&mut buffer) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        if read == 0 {
            break;
        }
        cutter.push(&buffer[..read]);
        while let Some(chunk) = cutter.next_chunk()? {
            chunks.put(chunk)?;
        }
        read_bytes += read as u64;
        told(read_bytes);
    }
    while let Some(chunk) = cutter.finish()? {
        chunks.put(chunk)?;
    }
    Ok(())
}

/// The charset of a CSV file, by its mark or its beginning.
pub(super) fn charset(path: &Path) -> anyhow::Result<Charset> {
    let mut sample = Vec::new();
    File::open(path)
        .and_then(|file| file.take(SAMPLE_BYTES).read_to_end(&mut sample))
        .with_context(|| format!("{}: cannot be read", path.display()))?;
    Ok(if looks_like_utf8(&sample) { Charset::Utf8 } else { Charset::Gb18030 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_place_does_not_change_the_charset() {
        let folder = tempfile::tempdir().unwrap();
        let text = "ref,姓名,证书编号\r\n1,白京,0101120201100058\r\n";
        let (gb18030, ..) = encoding_rs::GB18030.encode(text);
        let broken = |bytes: &[u8]| [bytes, b"2,\xFF,3\r\n"].concat();
        for (bytes, expected) in [
            (text.as_bytes().to_vec(), Charset::Utf8),
            (text.as_bytes()[..8].to_vec(), Charset::Utf8),
            (broken(text.as_bytes()), Charset::Utf8),
            (broken(b"\xEF\xBB\xBFref,name\r\n"), Charset::Utf8),
            (gb18030.to_vec(), Charset::Gb18030),
            (broken(&gb18030), Charset::Gb18030),
        ] {
            let path = folder.path().join("claims.csv");
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(charset(&path).unwrap(), expected);
        }
    }
}
