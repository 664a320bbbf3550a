//! A server that is there already: it is asked, and nothing is done to it.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;

use super::drive;
use super::plan::Subject;
use super::questions::{Mix, QuestionSet, Timeline};
use super::service::{Events, Loader};
use super::target::Target;

/// Where it is, and what it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'a> {
    /// Host and port of its public listener; whether it may be driven has been decided.
    pub target: &'a str,
    /// The authority of its certificate (PEM); `None` for plain HTTP.
    pub ca: Option<&'a Path>,
    /// Host and port of its admin listener.
    pub admin: Option<&'a str>,
    /// Questions about the register it serves.
    pub questions: &'a Path,
    /// How often what is asked.
    pub mix: Mix,
    /// Threads that send.
    pub threads: usize,
    /// Of everything drawn while driving.
    pub seed: u64,
}

impl Foreign<'_> {
    /// Reads the questions and asks the server which generation it serves: right answers are of that one.
    ///
    /// # Errors
    /// When the questions cannot be read, or the server does not answer.
    pub fn subject(&self) -> anyhow::Result<Subject> {
        let set = Arc::new(QuestionSet::read(self.questions)?);
        let target = Target {
            public: resolve(self.target)?,
            host: self.target.to_owned(),
            tls_ca: self.ca.map(Path::to_owned),
            admin: self.admin.map(resolve).transpose()?,
            partner: None,
        };
        let generation = drive::generation(&target, &set)
            .with_context(|| format!("{} could not be asked", self.target))?;
        let timeline = Arc::new(Timeline::new(generation, 0));
        let folder = tempfile::Builder::new().prefix("zhengcha-load-").tempdir()?.keep();
        let nothing = Events::new(Loader::new(Vec::new()), Arc::clone(&timeline), vec![], vec![]);
        Ok(Subject {
            target,
            service: None,
            set,
            mix: self.mix,
            timeline,
            events: nothing,
            folder,
            threads: self.threads,
            seed: self.seed,
            lock: None,
        })
    }
}

fn resolve(address: &str) -> anyhow::Result<SocketAddr> {
    let mut addresses =
        address.to_socket_addrs().with_context(|| format!("{address}: no such address"))?;
    addresses.next().with_context(|| format!("{address}: no such address"))
}
