//! Writes made-up claims on the live generation, and beside them the verdicts they must get: to test
//! and to measure bulk verification with.
//!
//! The claims follow from the generation, the holds, the number of claims, the seed and the mix,
//! whatever the machine; so do the verdicts. These come from the reference judgement of the engine
//! (`testing::ClaimsModel`), which knows nothing of how claims are read or judged in earnest. A claim
//! has draws of its own, so that any of them can be made again without those before it: chunks are
//! made side by side and nothing is kept but the persons granted a deduction, each for its year.
//!
//! The claims hold names and numbers of the register they are drawn from: of a real register they are
//! personal data as it is.

mod broken;
mod draw;
mod kind;
mod make;
mod run;
mod shape;
mod spell;
mod write;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use zhengcha_engine::claims::Charset;

pub use kind::{Kind, Mix, shares_text};
pub use run::write_claims;

/// Which claims to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many.
    pub claims: u64,
    /// Which of all.
    pub seed: u64,
    /// In what shares.
    pub mix: Mix,
    /// Where the claims go; the ending says in which format.
    pub out: PathBuf,
    /// Where the verdicts go, always csv; `<file>.summary.json` stands beside it.
    pub expected: PathBuf,
    /// How csv and ndjson are encoded.
    pub charset: Charset,
}

/// Kind of a file of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimFormat {
    /// Comma-separated text under names of the JSON fields.
    Csv,
    /// One JSON object a line.
    Ndjson,
    /// A workbook under Chinese headers, with date and number cells.
    Xlsx,
}

impl ClaimFormat {
    /// The format an ending stands for.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "csv" => Some(Self::Csv),
            "ndjson" => Some(Self::Ndjson),
            "xlsx" => Some(Self::Xlsx),
            _ => None,
        }
    }
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Generation the claims were drawn from and judged by.
    pub generation: u64,
    /// Claims by what was done to them.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Claims by verdict.
    pub verdicts: BTreeMap<&'static str, u64>,
    /// SHA-256 of the file of verdicts.
    pub digest: String,
}

/// The verdicts there are, in the order of summaries.
const VERDICTS: [&str; 5] = ["match", "mismatch", "not_found", "under_review", "invalid"];

impl Written {
    /// How many claims.
    #[must_use]
    pub fn claims(&self) -> u64 {
        self.verdicts.values().sum()
    }

    /// What stands beside the verdicts as `<file>.summary.json`.
    #[must_use]
    pub fn summary(&self) -> Value {
        let mut summary = json!({ "claims": self.claims() });
        for verdict in VERDICTS {
            summary[verdict] = json!(self.verdicts.get(verdict).copied().unwrap_or_default());
        }
        summary["generation"] = json!(self.generation);
        summary["digest"] = json!(self.digest);
        summary
    }
}
