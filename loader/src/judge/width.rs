//! Widths as the tables mean them: bytes in GB18030.

/// Bytes a text takes in GB18030: 1 for ASCII, 2 for what GBK has, 4 for all else.
pub(super) fn gb18030_bytes(text: &str) -> usize {
    if text.is_ascii() {
        return text.len();
    }
    text.chars()
        .map(|c| match c {
            '\0'..='\x7F' => 1,
            '\u{4E00}'..='\u{9FA5}' => 2,
            '\u{10000}'.. => 4,
            _ => encoding_rs::GB18030.encode(c.encode_utf8(&mut [0; 4])).0.len().min(4),
        })
        .sum()
}

/// Whether a text is wider than `limit`, with a bound that settles nearly every case at once.
pub(super) fn is_wider(text: &str, limit: u16) -> Option<u16> {
    // No character takes more than twice its bytes of UTF-8.
    if text.len() * 2 <= usize::from(limit) {
        return None;
    }
    let width = gb18030_bytes(text);
    (width > usize::from(limit)).then(|| u16::try_from(width).unwrap_or(u16::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths() {
        for (text, width) in [
            ("", 0),
            ("A1", 2),
            ("白京", 4),
            ("·", 2),
            ("阿不都克里木·阿不都热合曼", 26),
            ("𠮷", 4),
            ("㼆", 4),
            ("é", 2),
            ("ÿ", 4),
        ] {
            assert_eq!(gb18030_bytes(text), width, "{text}");
        }
        assert_eq!(is_wider("白京", 4), None);
        assert_eq!(is_wider("白京", 3), Some(4));
        assert_eq!(is_wider("", 0), None);
    }

    proptest! {
        #[test]
        fn agrees_with_the_encoder(text in "(\\PC|[一-龥]|[\u{80}-\u{2FF}]){0,20}") {
            let (bytes, _, lossy) = encoding_rs::GB18030.encode(&text);
            if !lossy {
                prop_assert_eq!(gb18030_bytes(&text), bytes.len());
                prop_assert_eq!(is_wider(&text, 20).is_some(), bytes.len() > 20);
            }
        }
    }
}
