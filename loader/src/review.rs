//! Certificates under review: what people decide goes into the ledger, and from there into the file
//! `holds`, which every server follows.
//!
//! The ledger is the truth. A decision is made in four steps, each durable before the next: the new list
//! written under a temporary name; the decision in the ledger; the list renamed into place; success told.
//! So the file is as the ledger says, or one decision behind, which every opening of the store for
//! writing makes good. Where the file holds numbers under review that the ledger does not, one of the two was replaced: no
//! number is then shown again before somebody decides it.
//!
//! Needs [`HoldsLock`] and not the lock of the store: a review must not wait for a long load.

use crate::clock;
use crate::generation::open_ledger;
use crate::ledger::{Decision, DecisionKind, Ledger};
use crate::lock::HoldsLock;
use anyhow::{Context, bail};
use serde_json::json;
use zhengcha_engine::key::normalize;
use zhengcha_engine::{Holds, OpenError, Store, build};

/// Longest certificate number that the register stores.
const NUMBER_CHARS_MAX: usize = 32;
/// Numbers that an error names; of more it says how many.
const NAMED_MAX: usize = 5;

/// What is under review, locked against change by anyone else.
#[derive(Debug)]
pub struct Review<'a> {
    store: &'a Store,
    ledger: &'a mut Ledger,
    _lock: HoldsLock,
}

/// How the file stands to the ledger.
#[derive(Debug)]
enum Standing {
    Level,
    /// The latest decision has not reached the file.
    Behind,
    /// Missing or damaged: nothing is answered.
    Unreadable(OpenError),
    /// These numbers are under review in the file alone.
    Apart(Vec<String>),
}

/// What writing the file again changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Numbers under review.
    pub held: usize,
    /// Whether the file was not as the ledger says.
    pub changed: bool,
    /// Numbers that were under review in the file alone, and are no more.
    pub lifted: Vec<String>,
}

/// A store whose ledger there is, for decisions about what is under review.
///
/// # Errors
/// When there is no ledger, or it is damaged.
pub fn ledger_of(store: &Store) -> anyhow::Result<Ledger> {
    if !store.ledger_path().exists() {
        let root = store.root().display();
        bail!("{root}: no store with a ledger; name it with --store, or load an upload file first");
    }
    open_ledger(store)
}

impl<'a> Review<'a> {
    /// Waits for its turn.
    ///
    /// # Errors
    /// When somebody else stays at it, or the folder cannot be written.
    pub fn open(store: &'a Store, ledger: &'a mut Ledger) -> anyhow::Result<Self> {
        let lock = HoldsLock::take(store)?;
        Ok(Self { store, ledger, _lock: lock })
    }

    /// Brings the file to where the ledger is, as after a kill.
    ///
    /// # Errors
    /// When the file holds numbers that the ledger does not, or cannot be written.
    pub fn settle(&mut self) -> anyhow::Result<()> {
        let held = Holds::new(self.ledger.held()?);
        match self.standing(&held)? {
            Standing::Level => Ok(()),
            Standing::Behind | Standing::Unreadable(_) => {
                Ok(build::write_holds(self.store, &held)?)
            }
            Standing::Apart(numbers) => bail!(apart(self.store, &numbers)),
        }
    }

    /// Decides and makes the file say so; returns how many numbers are under review then.
    ///
    /// # Errors
    /// When a number already stands as it is to, or the file cannot be written; nothing is changed
    /// then, unless the message says that the ledger knows of it.
    pub fn decide(&mut self, decision: &Decision<'_>) -> anyhow::Result<usize> {
        let held = Holds::new(self.ledger.held()?);
        let hold = decision.kind == DecisionKind::Hold;
        match self.standing(&held)? {
            Standing::Level => {}
            // What is only in the file goes into the ledger now, and stays in the file until then.
            Standing::Apart(apart)
                if hold && apart.iter().all(|it| decision.numbers.binary_search(it).is_ok()) => {}
            _ => self.settle()?,
        }
        let wrong = decision.numbers.iter().filter(|number| held.contains(number) == hold);
        let wrong: Vec<String> = wrong.cloned().collect();
        if !wrong.is_empty() {
            let state = if hold { "under review already" } else { "not under review" };
            bail!("{}: {state}; nothing was changed", named(&wrong));
        }
        let mut numbers = held.numbers().to_vec();
        if hold {
            numbers.extend_from_slice(decision.numbers);
        } else {
            numbers.retain(|number| decision.numbers.binary_search(number).is_err());
        }
        let holds = Holds::new(numbers);
        let staged = build::stage_holds(self.store, &holds).context("nothing was changed")?;
        self.ledger.decide(decision).context("nothing was changed")?;
        staged.put().context(
            "the decision is in the ledger and not yet in the file that servers follow; run \
             `zhengcha-loader holds --rewrite`",
        )?;
        Ok(holds.len())
    }

    /// Writes the file as the ledger says, whatever is there.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn rewrite(&mut self) -> anyhow::Result<Rewritten> {
        let held = Holds::new(self.ledger.held()?);
        let (changed, lifted) = match self.standing(&held)? {
            Standing::Level => (false, Vec::new()),
            Standing::Behind | Standing::Unreadable(_) => (true, Vec::new()),
            Standing::Apart(numbers) => (true, numbers),
        };
        if changed {
            let staged = build::stage_holds(self.store, &held)?;
            let detail = json!({ "holds": held.len(), "lifted": lifted.len() });
            self.ledger.audit(&clock::timestamp()?, "rewrite-holds", &detail)?;
            staged.put()?;
        }
        Ok(Rewritten { held: held.len(), changed, lifted })
    }

    fn standing(&self, held: &Holds) -> anyhow::Result<Standing> {
        standing(self.store, self.ledger, held)
    }
}

/// Whether the file is as the ledger says; with the lock, since a decision in the making would not be.
///
/// # Errors
/// Saying what is wrong with the file; or any error of the database.
pub fn check(store: &Store, ledger: &Ledger, _locked: &HoldsLock) -> anyhow::Result<()> {
    let held = Holds::new(ledger.held()?);
    match standing(store, ledger, &held)? {
        Standing::Level => Ok(()),
        Standing::Behind => bail!(
            "one decision behind the ledger, by which {} numbers are under review; the next command \
             that writes makes it good, such as `zhengcha-loader holds --rewrite`",
            held.len()
        ),
        Standing::Unreadable(error) => Err(error.into()),
        Standing::Apart(numbers) => bail!(apart(store, &numbers)),
    }
}

fn standing(store: &Store, ledger: &Ledger, held: &Holds) -> anyhow::Result<Standing> {
    let found = match Holds::read(store) {
        Ok(found) if found == *held => return Ok(Standing::Level),
        Ok(found) => found,
        Err(error @ OpenError::Holds { .. }) => return Ok(Standing::Unreadable(error)),
        Err(error) => return Err(error.into()),
    };
    let apart: Vec<String> =
        found.numbers().iter().filter(|number| !held.contains(number)).cloned().collect();
    // Where the ledger only adds, nothing is shown that was not. Else it may have released some last.
    if apart.is_empty() || found == Holds::new(ledger.held_before_latest()?) {
        return Ok(Standing::Behind);
    }
    Ok(Standing::Apart(apart))
}

fn apart(store: &Store, numbers: &[String]) -> String {
    format!(
        "{}: under review in this file and not in the ledger: {}; one of the two was replaced. \
         Restore the ledger from a backup; or put them under review again with `zhengcha-loader \
         hold`; or let them be shown with `zhengcha-loader holds --rewrite`",
        store.holds_path().display(),
        named(numbers)
    )
}

/// A list of numbers as typed, in normal form, rising, each once.
///
/// # Errors
/// Naming what is no certificate number.
pub fn normal_numbers<'t>(typed: impl IntoIterator<Item = &'t str>) -> anyhow::Result<Vec<String>> {
    let mut numbers = Vec::new();
    for text in typed {
        let number = normalize::certificate_number(text);
        let plain = number.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_uppercase());
        if number.is_empty() || !plain || number.len() > NUMBER_CHARS_MAX {
            let shown: String = text.chars().take(NUMBER_CHARS_MAX + 1).collect();
            bail!(
                "{shown:?}: no certificate number, which has 1 to {NUMBER_CHARS_MAX} digits and letters; \
                 nothing was changed"
            );
        }
        numbers.push(number.into_owned());
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// The first numbers of a list, and how many more there are.
#[must_use]
pub fn named(numbers: &[String]) -> String {
    let (shown, more) = numbers.split_at(numbers.len().min(NAMED_MAX));
    let mut text = shown.join(", ");
    if !more.is_empty() {
        text.push_str(&format!(" and {} more", more.len()));
    }
    text
}
