//! What is done to a server in mid-run: swaps, holds, releases, a restart.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

use super::{Loader, Service};
use crate::load::questions::Timeline;
use crate::load::run;

/// Why and who, as the ledger of reviews wants it.
const REASON: &str = "load test";

/// What can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// An upload is loaded and published.
    Swap,
    /// Certificate numbers are put under review.
    Hold,
    /// Their review ends.
    Release,
    /// The server is told to end and started again.
    Restart,
}

impl What {
    /// Its name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Swap => "swap",
            Self::Hold => "hold",
            Self::Release => "release",
            Self::Restart => "restart",
        }
    }
}

/// Something that is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Planned {
    /// What.
    pub what: What,
    /// After the phase began.
    pub at: Duration,
}

impl std::str::FromStr for Planned {
    type Err = anyhow::Error;

    /// `swap@10`: what, and seconds after the phase began.
    fn from_str(text: &str) -> anyhow::Result<Self> {
        const FORM: &str = "swap@SECONDS, hold@SECONDS, release@SECONDS or restart@SECONDS";
        let (what, at) = text.split_once('@').with_context(|| format!("`{text}` is not {FORM}"))?;
        let all = [What::Swap, What::Hold, What::Release, What::Restart];
        let what = all.into_iter().find(|one| one.name() == what);
        let seconds = at.parse::<f64>().ok().filter(|at| (0.0..=1e6).contains(at));
        match (what, seconds) {
            (Some(what), Some(seconds)) => Ok(Self { what, at: Duration::from_secs_f64(seconds) }),
            _ => bail!("`{text}` is not {FORM}"),
        }
    }
}

/// What an event changes in answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Answers are of this generation.
    Generation(u64),
    /// Answers show a review.
    UnderReview,
    /// No answer shows a review any more.
    Valid,
    /// There are answers again.
    Answers,
}

/// Something that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// As in the run, but for when it was seen.
    pub event: run::Event,
    /// When it was begun.
    pub began: Instant,
    /// When the command had returned.
    pub done: Instant,
    /// What to look for.
    pub effect: Effect,
}

/// Does what is planned, and remembers what has been done before.
pub struct Events {
    /// The loader.
    pub loader: Loader,
    /// Told of every decision before it can have any effect.
    pub timeline: Arc<Timeline>,
    /// Uploads that swaps load, one each.
    pub uploads: Vec<PathBuf>,
    /// The numbers that are put under review.
    pub numbers: Vec<String>,
    loaded: usize,
}

impl Events {
    /// Nothing has been done yet.
    #[must_use]
    pub fn new(
        loader: Loader,
        timeline: Arc<Timeline>,
        uploads: Vec<PathBuf>,
        numbers: Vec<String>,
    ) -> Self {
        Self { loader, timeline, uploads, numbers, loaded: 0 }
    }

    /// Does all that is planned, each at its moment; what fails is noted and does not end the rest.
    pub fn carry_out(
        &mut self,
        planned: &[Planned],
        service: &mut Service,
        began: Instant,
        origin: Instant,
    ) -> Vec<Done> {
        let mut planned = planned.to_vec();
        planned.sort_by_key(|planned| planned.at);
        let mut all = Vec::new();
        for Planned { what, at } in planned {
            thread::sleep((began + at).saturating_duration_since(Instant::now()));
            let begun = Instant::now();
            let came = self.carry(what, service);
            let done = Instant::now();
            let (effect, note, is_ok) = match came {
                Ok((effect, note)) => (effect, note, true),
                Err(error) => (Effect::Answers, format!("{error:#}"), false),
            };
            let seconds = |at: Instant| at.saturating_duration_since(origin).as_secs_f64();
            let event = run::Event {
                what: what.name().to_owned(),
                began_s: seconds(begun),
                done_s: seconds(done),
                seen_s: None,
                note,
                is_ok,
            };
            all.push(Done { event, began: begun, done, effect });
        }
        all
    }

    fn carry(&mut self, what: What, service: &mut Service) -> anyhow::Result<(Effect, String)> {
        match what {
            What::Swap => self.swap(service),
            What::Hold => self.decide(service, true),
            What::Release => self.decide(service, false),
            What::Restart => {
                service.restart()?;
                Ok((Effect::Answers, "ended as told, and started again".to_owned()))
            }
        }
    }

    fn swap(&mut self, service: &Service) -> anyhow::Result<(Effect, String)> {
        let upload = self.uploads.get(self.loaded).context("there is no upload left to load")?;
        let words: [&std::ffi::OsStr; 6] = [
            "load".as_ref(),
            "--org".as_ref(),
            "all".as_ref(),
            "--into".as_ref(),
            "delta".as_ref(),
            upload.as_os_str(),
        ];
        self.loader.run(service.store(), words)?;
        self.loaded += 1;
        let generation = self.timeline.base() + self.loaded as u64;
        let note =
            format!("generation {generation}, loaded at idle priority on the server's cores");
        Ok((Effect::Generation(generation), note))
    }

    fn decide(&self, service: &Service, holds: bool) -> anyhow::Result<(Effect, String)> {
        let numbers = &self.numbers;
        let name = if holds { "hold" } else { "release" };
        let words = [name, "--reason", REASON, "--by", REASON]
            .into_iter()
            .chain(numbers.iter().map(String::as_str));
        let now = Instant::now();
        if holds {
            self.timeline.hold_begins(numbers, now);
        } else {
            self.timeline.release_begins(numbers, now);
        }
        self.loader.run(service.store(), words)?;
        let note = format!("{} certificates", numbers.len());
        if holds {
            self.timeline.hold_done(numbers, Instant::now());
            Ok((Effect::UnderReview, note))
        } else {
            self.timeline.release_done(numbers, Instant::now());
            Ok((Effect::Valid, note))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_understood_or_refused_with_the_form() {
        let swap: Planned = "swap@1.5".parse().unwrap();
        assert_eq!(swap, Planned { what: What::Swap, at: Duration::from_millis(1500) });
        for text in ["swap", "swap@", "swap@-1", "stop@1", "hold@x", "@1"] {
            let refused = text.parse::<Planned>().unwrap_err().to_string();
            assert!(refused.contains("hold@SECONDS"), "{refused}");
        }
    }
}
