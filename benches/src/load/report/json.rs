//! The run as a file of its own, and back.

use std::path::Path;

use anyhow::{Context, anyhow};

use super::super::run::Run;

/// Writes the run.
pub(super) fn write(run: &Run, path: &Path) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(run).context("the run as JSON")?;
    text.push('\n');
    std::fs::write(path, text).with_context(|| path.display().to_string())
}

/// Reads a run that [`write`] wrote.
pub(super) fn read(path: &Path) -> anyhow::Result<Run> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    serde_json::from_str(&text).map_err(|error| {
        let field = match field_at(&text, error.line(), error.column()) {
            field if field.is_empty() => "the whole".to_owned(),
            field => field,
        };
        anyhow!(
            "{}: no run of the load testing kit: {field}: {error}; expected is a run.json as this \
             version writes it",
            path.display()
        )
    })
}

/// Which field stands at this place, such as `phases[2].total.p99_us`.
fn field_at(text: &str, line: usize, column: usize) -> String {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let end = (before + column).min(text.len());
    let mut open: Vec<Level> = Vec::new();
    let mut bytes = text.as_bytes()[..end].iter().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'{' => open.push(Level::Object(None)),
            b'[' => open.push(Level::Array(0)),
            // The end of an object is where a missing field is noticed: it is still meant.
            b'}' | b']' if at + 1 < end => {
                open.pop();
            }
            b',' => match open.last_mut() {
                Some(Level::Object(key)) => *key = None,
                Some(Level::Array(place)) => *place += 1,
                None => {}
            },
            b'"' => {
                let mut is_escaped = false;
                let close = bytes.find(|(_, byte)| {
                    let is_end = **byte == b'"' && !is_escaped;
                    is_escaped = **byte == b'\\' && !is_escaped;
                    is_end
                });
                let until = close.map_or(end, |(until, _)| until);
                if let (Some(Level::Object(key @ None)), Some(name)) =
                    (open.last_mut(), text.get(at + 1..until))
                {
                    *key = Some(name.to_owned());
                }
            }
            _ => {}
        }
    }
    let mut field = String::new();
    for level in open {
        match level {
            Level::Object(Some(key)) if field.is_empty() => field.push_str(&key),
            Level::Object(Some(key)) => field.push_str(&format!(".{key}")),
            Level::Array(place) => field.push_str(&format!("[{place}]")),
            Level::Object(None) => {}
        }
    }
    field
}

enum Level {
    Object(Option<String>),
    Array(usize),
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use serde_json::Value;

    fn refused(text: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("strange.json");
        std::fs::write(&path, text).unwrap();
        let error = format!("{:#}", read(&path).unwrap_err());
        assert!(error.contains("strange.json"), "{error}");
        error
    }

    #[test]
    fn a_run_comes_back_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        for run in [fixture::run(), fixture::troubled(), Run::default()] {
            write(&run, &path).unwrap();
            let back = read(&path).unwrap();
            let json = |run: &Run| serde_json::to_value(run).unwrap();
            assert_alike(&json(&back), &json(&run), "run");
        }
    }

    /// The same but for the last digit of a fraction, which the reader of JSON does not promise.
    fn assert_alike(back: &Value, before: &Value, at: &str) {
        match (back, before) {
            (Value::Object(left), Value::Object(right)) => {
                assert!(left.keys().eq(right.keys()), "{at}");
                left.iter().for_each(|(key, value)| {
                    assert_alike(value, &right[key], &format!("{at}.{key}"));
                });
            }
            (Value::Array(left), Value::Array(right)) => {
                assert_eq!(left.len(), right.len(), "{at}");
                left.iter().zip(right).for_each(|(left, right)| assert_alike(left, right, at));
            }
            (Value::Number(left), Value::Number(right)) if left.is_f64() && right.is_f64() => {
                let (left, right) = (left.as_f64().unwrap(), right.as_f64().unwrap());
                assert!(
                    (left - right).abs() <= right.abs() * 4.0 * f64::EPSILON,
                    "{at}: {left} {right}"
                );
            }
            _ => assert_eq!(back, before, "{at}"),
        }
    }

    #[test]
    fn a_damaged_file_is_named_with_its_field() {
        let sound = serde_json::to_string_pretty(&fixture::run()).unwrap();
        let broken = sound.replacen("\"connections\": 64", "\"connections\": \"many\"", 1);
        assert_ne!(broken, sound);
        let error = refused(&broken);
        assert!(error.contains("phases[0].connections"), "{error}");
        let error = refused(&sound.replacen("\"purpose\"", "\"porpoise\"", 1));
        assert!(error.contains("phases[0]") && error.contains("`purpose`"), "{error}");
        refused(&sound[..sound.len() / 2]);
    }

    #[test]
    fn foreign_files_are_refused() {
        refused("[1, 2]");
        assert!(refused("{\"name\": \"x\"}").contains("about"));
        refused("");
        refused("<html>");
    }
}
