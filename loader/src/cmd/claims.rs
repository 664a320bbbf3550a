//! `claims`: made-up claims on the live generation, and the verdicts they must get.

use super::Outcome;
use crate::claims_synth::{Mix, Wanted, write_claims};
use crate::cli::{CharsetArg, ClaimsArgs, MixArg};
use crate::output::Output;
use crate::progress::{Bar, Progress};
use anyhow::Context;
use serde_json::json;
use std::fmt::Write as _;
use zhengcha_engine::claims::Charset;
use zhengcha_engine::{Holds, Snapshot, Store};

/// Writes both files; never over another.
pub(super) fn run(store: &Store, args: &ClaimsArgs, output: &Output) -> anyhow::Result<Outcome> {
    let snapshot = Snapshot::open_current(store, None)?.with_context(|| {
        format!("no generation in {} yet; load an upload file first", store.root().display())
    })?;
    let holds = Holds::read(store)?;
    let wanted = Wanted {
        claims: args.claims,
        seed: args.seed,
        mix: match args.mix {
            MixArg::Tax => Mix::Tax,
            MixArg::Plain => Mix::Plain,
            MixArg::All => Mix::All,
        },
        out: args.out.clone(),
        expected: args.expected.clone(),
        charset: match args.charset {
            CharsetArg::Utf8 => Charset::Utf8,
            CharsetArg::Gb18030 => Charset::Gb18030,
        },
    };
    let bar = Bar::default();
    let written = write_claims(&snapshot, &holds, &wanted, &bar);
    bar.finish();
    let written = written?;
    let json = json!({
        "claims": written.claims(),
        "generation": written.generation,
        "digest": written.digest,
        "verdicts": written.verdicts,
        "kinds": written.kinds,
    });
    output.print(&json, || {
        let mut text = String::new();
        for (verdict, count) in &written.verdicts {
            let _ = writeln!(text, "{verdict:<14} {count}");
        }
        let _ = writeln!(
            text,
            "{} made-up claims on generation {}; they hold names and numbers of the register",
            written.claims(),
            written.generation
        );
        text
    })?;
    Ok(Outcome::Done)
}
