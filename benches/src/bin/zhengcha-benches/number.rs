//! Numbers as people write large ones.

/// A whole number: `20000000`, `20_000_000` or `2e7`.
pub(crate) fn count(text: &str) -> Result<u64, String> {
    const FORM: &str = "a whole number such as 1000000, 1_000_000 or 1e6";
    let plain = text.replace('_', "");
    if let Ok(count) = plain.parse::<u64>() {
        return Ok(count);
    }
    match plain.parse::<f64>() {
        Ok(count) if (0.0..=1e15).contains(&count) && count.fract() == 0.0 => Ok(count as u64),
        _ => Err(format!("expected {FORM}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_may_be_written_shortly() {
        for (text, expected) in [("7", 7), ("1e6", 1_000_000), ("2.5e3", 2500), ("1_000", 1000)] {
            assert_eq!(count(text), Ok(expected));
        }
        for text in ["", "-1", "1.5", "1e99", "x", "nan"] {
            assert!(count(text).is_err(), "{text}");
        }
    }
}
