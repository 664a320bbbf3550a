//! What is driven, with all that is known of it.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;

use super::stage::Observed;
use crate::load::drive::Driver;
use crate::load::questions::{Drawer, Judge, Mix, QuestionSet, Timeline};
use crate::load::service::{Events, Service};
use crate::load::target::Target;

/// Certificates that are put under review together.
const HELD: usize = 100;

/// A server, the questions for it, and what can be done to it.
pub struct Subject {
    /// Where it is.
    pub target: Target,
    /// The server itself, when the kit brought it up.
    pub service: Option<Service>,
    /// What it is asked.
    pub set: Arc<QuestionSet>,
    /// How often what.
    pub mix: Mix,
    /// What is right when.
    pub timeline: Arc<Timeline>,
    /// What can be done to its store.
    pub events: Events,
    /// For files of a run.
    pub folder: PathBuf,
    /// Threads that send.
    pub threads: usize,
    /// Of everything drawn while driving.
    pub seed: u64,
    /// Keeps other runs out of the folder that this one works in.
    pub lock: Option<File>,
}

impl Subject {
    /// Sends questions to it.
    pub(super) fn driver(&self) -> anyhow::Result<Driver> {
        let drawer = Arc::new(Drawer::new(&self.set, &self.mix)?);
        let judge = Judge::new(Arc::clone(&self.set), Arc::clone(&self.timeline));
        Driver::new(&self.target, Arc::clone(&self.set), drawer, judge, self.threads, self.seed)
    }

    /// Where it says how it fares.
    pub(super) fn observed(&self) -> Option<Observed> {
        let process = self.service.as_ref().map(Service::process);
        self.target.admin.map(|admin| Observed { admin, process })
    }
}

/// Numbers of the base that are asked for the most: a review of them is seen at once.
#[must_use]
pub fn numbers_to_hold(set: &QuestionSet) -> Vec<String> {
    let mut numbers: Vec<String> = Vec::new();
    // Questions stand by rank of their subjects.
    for shown in set.questions.iter().flat_map(|question| &question.shown) {
        if shown.since == 0 && !numbers.iter().any(|number| **number == *shown.number) {
            numbers.push(shown.number.to_string());
        }
        if numbers.len() == HELD {
            break;
        }
    }
    numbers
}
