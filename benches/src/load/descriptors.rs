//! How many connections this process may have open.

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process have so many descriptors, or as many as the system lets it have, and says how many.
/// Processes that it starts may have as many.
///
/// # Errors
/// When the system refuses what it said it would allow.
pub fn raise(wanted: u64) -> anyhow::Result<u64> {
    let limit = getrlimit(Resource::Nofile);
    let now = limit.current.unwrap_or(u64::MAX);
    let may = limit.maximum.unwrap_or(u64::MAX);
    if now >= wanted {
        return Ok(now);
    }
    let raised = wanted.min(may);
    setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum })
        .context("the limit of open files cannot be raised")?;
    Ok(raised)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_lowered() {
        let now = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert_eq!(raise(1).unwrap(), now);
        assert!(raise(now.saturating_add(1)).unwrap() >= now);
    }
}
