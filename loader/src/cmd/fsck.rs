//! `fsck`: reads and checks everything in the store and names each damaged file.

use super::Outcome;
use crate::fsck;
use crate::output::Output;
use serde_json::json;
use zhengcha_engine::Store;

/// Exit code 1 when anything is damaged.
pub(super) fn run(store: &Store, output: &Output) -> anyhow::Result<Outcome> {
    let findings = fsck::check(store)?;
    let damaged = &findings.damaged;
    let json = json!({
        "checked": findings.checked,
        "damaged": damaged
            .iter()
            .map(|(path, error)| json!({ "path": path.display().to_string(), "error": error }))
            .collect::<Vec<_>>(),
    });
    output.print(&json, || {
        let mut text = String::new();
        for (path, error) in damaged {
            text.push_str(&format!("damaged: {}\n  {error}\n", path.display()));
        }
        text.push_str(&format!("{} files checked, {} damaged\n", findings.checked, damaged.len()));
        text
    })?;
    Ok(if damaged.is_empty() { Outcome::Done } else { Outcome::Damaged })
}
