//! Single characters: which are padding, which are invisible, which stand for another.

/// Private-use code points U+E815 to U+E864, by which old GBK systems (code page 936) wrote the
/// 80 characters at FE50 to FEA0 before Unicode had them, and what GB 18030-2022 maps those to.
const GBK_PRIVATE_USE_FIRST: u32 = 0xE815;
#[rustfmt::skip]
const GBK_PRIVATE_USE: [char; 80] = [
    '\u{2E81}', '\u{20087}', '\u{20089}', '\u{200CC}', '\u{2E84}', '\u{3473}', '\u{3447}',
    '\u{2E88}', '\u{2E8B}', '\u{9FB4}', '\u{359E}', '\u{361A}', '\u{360E}', '\u{2E8C}',
    '\u{2E97}', '\u{396E}', '\u{3918}', '\u{9FB5}', '\u{39CF}', '\u{39DF}', '\u{3A73}',
    '\u{39D0}', '\u{9FB6}', '\u{9FB7}', '\u{3B4E}', '\u{3C6E}', '\u{3CE0}', '\u{2EA7}',
    '\u{215D7}', '\u{9FB8}', '\u{2EAA}', '\u{4056}', '\u{415F}', '\u{2EAE}', '\u{4337}',
    '\u{2EB3}', '\u{2EB6}', '\u{2EB7}', '\u{2298F}', '\u{43B1}', '\u{43AC}', '\u{2EBB}',
    '\u{43DD}', '\u{44D6}', '\u{4661}', '\u{464C}', '\u{9FB9}', '\u{4723}', '\u{4729}',
    '\u{477C}', '\u{478D}', '\u{2ECA}', '\u{4947}', '\u{497A}', '\u{497D}', '\u{4982}',
    '\u{4983}', '\u{4985}', '\u{4986}', '\u{499F}', '\u{499B}', '\u{49B7}', '\u{49B6}',
    '\u{9FBA}', '\u{241FE}', '\u{4CA3}', '\u{4C9F}', '\u{4CA0}', '\u{4CA1}', '\u{4C77}',
    '\u{4CA2}', '\u{4D13}', '\u{4D14}', '\u{4D15}', '\u{4D16}', '\u{4D17}', '\u{4D18}',
    '\u{4D19}', '\u{4DAE}', '\u{9FBB}',];

/// Distance from a full-width form (U+FF01 to U+FF5E) to its ASCII character.
const FULL_WIDTH_OFFSET: u32 = 0xFEE0;

/// The separator of names, exactly U+00B7 (民委发〔2016〕33号).
pub(super) const NAME_SEPARATOR: char = '\u{B7}';

/// White space, U+3000 and the no-break space among it, and characters of no width that spread
/// sheets and web pages put beside it.
pub(super) fn is_padding(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}')
}

/// Characters that show nothing and change no name: zero-width ones, direction marks, variation
/// selectors.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}'
        | '\u{FEFF}' | '\u{E0100}'..='\u{E01EF}')
}

/// Chinese characters, their radicals and the two marks written like them (〇 and 々), also in
/// the private-use code points that stand for some.
pub(super) fn is_hanzi(c: char) -> bool {
    matches!(c,
        '\u{4E00}'..='\u{9FFF}' | '\u{3400}'..='\u{4DBF}' | '\u{20000}'..='\u{3FFFD}'
        | '\u{F900}'..='\u{FAFF}' | '\u{2E80}'..='\u{2FDF}' | '\u{3005}' | '\u{3007}'
        | '\u{E815}'..='\u{E864}')
}

/// The ASCII character of a full-width form; any other character as it is.
pub(super) fn half_width(c: char) -> char {
    match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - FULL_WIDTH_OFFSET).unwrap_or(c),
        _ => c,
    }
}

/// The character a name is matched by: half-width, U+00B7 for every separator look-alike, the
/// real character for a private-use one.
pub(super) fn fold_for_name(c: char) -> char {
    match half_width(c) {
        // Bullet, katakana middle dots, hyphenation point, full stops, bullet and dot operators,
        // word separator; U+0387 is U+00B7 after NFC.
        '.' | '\u{2022}' | '\u{30FB}' | '\u{FF65}' | '\u{2027}' | '\u{2219}' | '\u{22C5}'
        | '\u{2E31}' | '\u{2024}' => NAME_SEPARATOR,
        '\u{E7C7}' => '\u{1E3F}', // GBK A8BC
        half => u32::from(half)
            .checked_sub(GBK_PRIVATE_USE_FIRST)
            .and_then(|index| GBK_PRIVATE_USE.get(index as usize).copied())
            .unwrap_or(half),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_use_ends_where_it_should() {
        assert_eq!(fold_for_name('\u{E814}'), '\u{E814}');
        assert_eq!(fold_for_name('\u{E815}'), '\u{2E81}');
        assert_eq!(fold_for_name('\u{E81E}'), '\u{9FB4}');
        assert_eq!(fold_for_name('\u{E863}'), '\u{4DAE}');
        assert_eq!(fold_for_name('\u{E864}'), '\u{9FBB}');
        assert_eq!(fold_for_name('\u{E865}'), '\u{E865}');
        assert!(GBK_PRIVATE_USE.iter().all(|&c| is_hanzi(c)));
    }

    #[test]
    fn full_width_ends_where_it_should() {
        assert_eq!(half_width('\u{FF01}'), '!');
        assert_eq!(half_width('０'), '0');
        assert_eq!(half_width('\u{FF5E}'), '~');
        assert_eq!(half_width('\u{FF5F}'), '\u{FF5F}');
        assert_eq!(half_width('\u{FF00}'), '\u{FF00}');
    }
}
