//! Which encoding a text file is in, and its bytes as UTF-8.
//!
//! Promises a decision that follows from the bytes alone: byte order mark, else strict UTF-8, else
//! UTF-8 with damage when whole Hanzi outnumber the broken places, else GB18030 (which contains GBK
//! and GB2312). Bytes that do not fit come through as [`NOT_TEXT`], never as a replacement
//! character.

use std::io;

use encoding_rs::{Decoder, DecoderResult, Encoding, GB18030, UTF_16BE, UTF_16LE};

use super::source::{CHUNK_BYTES, Source};

/// Stands for bytes that are no text in the encoding of the file; never part of UTF-8.
pub(crate) const NOT_TEXT: u8 = 0xFF;
/// Broken places beyond the whole Hanzi after which the rest of the file is not looked at.
const BROKEN_UTF8_MAX: u64 = 1_000;

/// The encoding of a text file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TextEncoding {
    Utf8,
    Utf8WithBom,
    Utf16Le,
    Utf16Be,
    Gb18030,
}

impl TextEncoding {
    fn bom_bytes(self) -> u64 {
        match self {
            Self::Utf8 | Self::Gb18030 => 0,
            Self::Utf8WithBom => 3,
            Self::Utf16Le | Self::Utf16Be => 2,
        }
    }

    fn decoder(self) -> Option<Decoder> {
        let encoding: &'static Encoding = match self {
            Self::Utf8 | Self::Utf8WithBom => return None,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
            Self::Gb18030 => GB18030,
        };
        Some(encoding.new_decoder_without_bom_handling())
    }
}

/// Decides on the encoding by reading the file up to once.
pub(crate) fn detect(source: &Source) -> io::Result<TextEncoding> {
    let mut head = [0; 3];
    let read = source.clone().read_up_to(&mut head)?;
    match &head[..read] {
        [0xEF, 0xBB, 0xBF] => return Ok(TextEncoding::Utf8WithBom),
        [0xFF, 0xFE, ..] => return Ok(TextEncoding::Utf16Le),
        [0xFE, 0xFF, ..] => return Ok(TextEncoding::Utf16Be),
        _ => {}
    }
    let count = count_utf8(source)?;
    Ok(if count.broken == 0 || count.hanzi > count.broken {
        TextEncoding::Utf8
    } else {
        TextEncoding::Gb18030
    })
}

/// How well a file fits UTF-8. Of GB18030 text nearly every Hanzi is broken as UTF-8, and next to
/// none makes a whole one.
#[derive(Debug, Default)]
struct Utf8Count {
    /// Characters of three bytes, which all common Hanzi are.
    hanzi: u64,
    broken: u64,
}

fn count_utf8(source: &Source) -> io::Result<Utf8Count> {
    let mut cursor = source.clone();
    let mut buffer = vec![0; CHUNK_BYTES];
    let mut count = Utf8Count::default();
    let mut kept = 0;
    loop {
        let read = cursor.read_up_to(&mut buffer[kept..])?;
        let filled = kept + read;
        kept = count.add(&buffer[..filled]);
        let decided = count.broken > count.hanzi + BROKEN_UTF8_MAX;
        if read == 0 || decided {
            count.broken += u64::from(kept > 0);
            return Ok(count);
        }
        buffer.copy_within(filled - kept..filled, 0);
    }
}

impl Utf8Count {
    /// Takes a piece up and gives the bytes at its end that belong to a character cut off there.
    fn add(&mut self, mut bytes: &[u8]) -> usize {
        loop {
            let error = match std::str::from_utf8(bytes) {
                Ok(_) => {
                    self.hanzi += three_byte_leads(bytes);
                    return 0;
                }
                Err(error) => error,
            };
            let (valid, rest) = bytes.split_at(error.valid_up_to());
            self.hanzi += three_byte_leads(valid);
            match error.error_len() {
                Some(len) => {
                    self.broken += 1;
                    bytes = &rest[len..];
                }
                None => return rest.len(),
            }
        }
    }
}

/// Whether the beginning of a text is rather UTF-8 than GB18030, by the rule of [`detect`].
pub(crate) fn looks_like_utf8(sample: &[u8]) -> bool {
    let mut count = Utf8Count::default();
    // A character that the sample cuts in two is none the less whole in the text.
    let _cut = count.add(sample);
    sample.starts_with(b"\xEF\xBB\xBF") || count.broken == 0 || count.hanzi > count.broken
}

fn three_byte_leads(valid: &[u8]) -> u64 {
    valid.iter().filter(|byte| matches!(byte, 0xE0..=0xEF)).count() as u64
}

/// The text of a file as UTF-8 without byte order mark, broken places marked by [`NOT_TEXT`].
pub(crate) struct Utf8Stream {
    cursor: Source,
    decoder: Option<Decoder>,
    raw: Vec<u8>,
    bom_left_bytes: u64,
    ended: bool,
}

impl Utf8Stream {
    pub(crate) fn new(source: &Source, encoding: TextEncoding) -> Self {
        Self {
            cursor: source.clone(),
            decoder: encoding.decoder(),
            raw: vec![0; CHUNK_BYTES],
            bom_left_bytes: encoding.bom_bytes(),
            ended: false,
        }
    }

    /// Appends the next piece to `out`; 0 at the end.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>) -> io::Result<usize> {
        if self.bom_left_bytes > 0 {
            let bom = usize::try_from(self.bom_left_bytes).unwrap_or(0);
            self.cursor.read_up_to(&mut self.raw[..bom])?;
            self.bom_left_bytes = 0;
        }
        let before = out.len();
        while out.len() == before && !self.ended {
            let read = self.cursor.read_up_to(&mut self.raw)?;
            self.ended = read == 0;
            match &mut self.decoder {
                None => out.extend_from_slice(&self.raw[..read]),
                Some(decoder) => decode_chunk(decoder, &self.raw[..read], self.ended, out),
            }
        }
        Ok(out.len() - before)
    }
}

fn decode_chunk(decoder: &mut Decoder, mut raw: &[u8], last: bool, out: &mut Vec<u8>) {
    loop {
        let start = out.len();
        let room = decoder.max_utf8_buffer_length_without_replacement(raw.len());
        out.resize(start + room.unwrap_or(4 * CHUNK_BYTES), 0);
        let (result, read, written) =
            decoder.decode_to_utf8_without_replacement(raw, &mut out[start..], last);
        out.truncate(start + written);
        raw = &raw[read..];
        match result {
            DecoderResult::InputEmpty => return,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => out.push(NOT_TEXT),
        }
    }
}

/// Appends `bytes` to `text` as GB18030; `false`, and nothing appended, when they are none.
pub(crate) fn push_gb18030(bytes: &[u8], text: &mut String) -> bool {
    let mut decoder = GB18030.new_decoder_without_bom_handling();
    let start = text.len();
    // Two bytes make three of UTF-8, four make four; the constant is the decoder's own slack.
    text.reserve(
        decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(bytes.len() * 3),
    );
    let (result, _) = decoder.decode_to_string_without_replacement(bytes, text, true);
    let whole = result == DecoderResult::InputEmpty;
    if !whole {
        text.truncate(start);
    }
    whole
}

#[cfg(test)]
mod tests {
    use std::io::{Seek, Write};

    use super::*;

    fn source(bytes: &[u8]) -> Source {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        file.rewind().unwrap();
        Source::from_file(file).unwrap()
    }

    fn text(bytes: &[u8]) -> (TextEncoding, Vec<u8>) {
        let source = source(bytes);
        let encoding = detect(&source).unwrap();
        let mut stream = Utf8Stream::new(&source, encoding);
        let mut text = Vec::new();
        while stream.fill(&mut text).unwrap() > 0 {}
        (encoding, text)
    }

    fn gb(text: &str) -> Vec<u8> {
        GB18030.encode(text).0.into_owned()
    }

    #[test]
    fn every_encoding_gives_the_same_text() {
        let want = "姓名,证书编号\n阿卜杜·克里木,0101120201100058\n㼆𠮷,1\n".repeat(5_000);
        let utf16: Vec<u8> = "\u{feff}"
            .encode_utf16()
            .chain(want.encode_utf16())
            .flat_map(u16::to_le_bytes)
            .collect();
        let big: Vec<u8> = utf16.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect();
        let with_bom = [b"\xEF\xBB\xBF", want.as_bytes()].concat();
        for (bytes, encoding) in [
            (want.as_bytes().to_vec(), TextEncoding::Utf8),
            (with_bom, TextEncoding::Utf8WithBom),
            (gb(&want), TextEncoding::Gb18030),
            (utf16, TextEncoding::Utf16Le),
            (big, TextEncoding::Utf16Be),
        ] {
            let (found, decoded) = text(&bytes);
            assert_eq!(found, encoding);
            assert!(decoded == want.as_bytes(), "{encoding:?}");
        }
    }

    #[test]
    fn one_broken_byte_does_not_turn_the_file_into_another_encoding() {
        let mut utf8 = "姓名,身份证号\n张三,1\n李四,2\n王五,3\n".as_bytes().to_vec();
        utf8[8] = 0xFF;
        assert_eq!(text(&utf8).0, TextEncoding::Utf8);
        let mut gbk = gb("姓名,身份证号\n张三,1\n李四,2\n王五,3\n");
        gbk.splice(3..4, [0xFF]);
        let (encoding, decoded) = text(&gbk);
        assert_eq!(encoding, TextEncoding::Gb18030);
        assert!(decoded.contains(&NOT_TEXT));
    }

    #[test]
    fn strict_gb18030_takes_all_or_nothing() {
        let mut out = String::from("x");
        assert!(push_gb18030(&gb("张三㼆"), &mut out));
        assert_eq!(out, "x张三㼆");
        assert!(!push_gb18030(&gb("张三")[..3], &mut out));
        assert_eq!(out, "x张三㼆");
    }
}
