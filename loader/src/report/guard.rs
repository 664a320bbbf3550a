//! Text that a spreadsheet must not run.

use std::borrow::Cow;

/// The text, with an apostrophe in front when a spreadsheet could take it for a formula: it begins,
/// after any spaces, with `=`, `+`, `-` or `@` in either width, or holds a tab or return in front.
pub(super) fn guarded(text: &str) -> Cow<'_, str> {
    let first = text.trim_start_matches(|c: char| c.is_whitespace() && c != '\t' && c != '\r');
    let runs = first.starts_with(['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠']);
    if runs { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_lose_their_start() {
        for text in
            ["=1", "+1", "-1", "@a", "\tx", "\r=1", "  =1", "\u{3000}=1", "\n@a", " \t=1", "＝1"]
        {
            assert_eq!(guarded(text), format!("'{text}"), "{text:?}");
        }
        for text in ["", "a=1", "文件-1.csv", "'=1", "1+1"] {
            assert_eq!(guarded(text), text);
        }
    }
}
