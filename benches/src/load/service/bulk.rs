//! Streams of claims beside the questions, every verdict checked.
//!
//! The streams' own threads stand back, as if they ran on another machine.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use zhengcha_server::partner::stand_back;

use super::Loader;
use crate::bulk_check::stream::Stream;
use crate::load::run;
use crate::load::target::Partner;

/// Claims with the verdicts that they must get.
#[derive(Clone)]
pub struct Claims {
    claims: Arc<Vec<u8>>,
    expected: Arc<Vec<u8>>,
}

impl Claims {
    /// Claims on the live generation of a store, by the reference and not by the server.
    ///
    /// # Errors
    /// When the loader fails.
    pub fn make(
        loader: &Loader,
        store: &Path,
        count: u64,
        seed: u64,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let (claims, expected) = (folder.join("claims.csv"), folder.join("expected.csv"));
        let (count, seed) = (count.to_string(), seed.to_string());
        let words = ["claims", "--mix", "all", "--claims", &count, "--seed", &seed, "--out"];
        let words = words.iter().map(std::ffi::OsStr::new).chain([
            claims.as_os_str(),
            "--expected".as_ref(),
            expected.as_os_str(),
        ]);
        loader.run(store, words)?;
        let read = |path: &Path| {
            std::fs::read(path).with_context(|| format!("{}: cannot be read", path.display()))
        };
        Ok(Self { claims: read(&claims)?.into(), expected: read(&expected)?.into() })
    }
}

/// Streams that run until they are stopped.
pub struct Bulk {
    stop: Arc<AtomicBool>,
    began: Instant,
    streams: Vec<JoinHandle<Told>>,
}

/// What one stream came to.
#[derive(Default)]
struct Told {
    claims: u64,
    wrong: u64,
    took: Duration,
    failure: Option<String>,
}

impl Bulk {
    /// Starts so many; each sends the same claims again and again.
    ///
    /// # Errors
    /// When the partner listener speaks TLS.
    pub fn start(partner: &Partner, claims: &Claims, streams: u64) -> anyhow::Result<Self> {
        ensure!(!partner.has_tls, "streams of claims are only sent without TLS");
        let stop = Arc::new(AtomicBool::new(false));
        let began = Instant::now();
        let start = |_| {
            let (partner, claims, stop) = (partner.clone(), claims.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                stand_back();
                let mut told = Told::default();
                while !stop.load(Relaxed) && told.failure.is_none() {
                    told.send(&partner, &claims);
                    told.took = began.elapsed();
                }
                told
            })
        };
        let streams = (0..streams).map(start).collect();
        Ok(Self { stop, began, streams })
    }

    /// Lets every stream come to its end.
    #[must_use]
    pub fn finish(self) -> run::Bulk {
        self.stop.store(true, Relaxed);
        let streams = self.streams.len() as u64;
        let mut bulk = run::Bulk { streams, ..run::Bulk::default() };
        let mut took = Duration::ZERO;
        for stream in self.streams {
            let told = stream.join().unwrap_or_else(|_| Told {
                failure: Some("the thread of a stream panicked".to_owned()),
                took: self.began.elapsed(),
                ..Told::default()
            });
            bulk.claims += told.claims;
            bulk.wrong += told.wrong;
            bulk.failure = bulk.failure.or(told.failure);
            took = took.max(told.took);
        }
        bulk.rate = bulk.claims as f64 / took.as_secs_f64().max(1e-9);
        bulk
    }
}

impl Told {
    fn send(&mut self, partner: &Partner, claims: &Claims) {
        match Stream::run(partner.address, &partner.token, "csv", &claims.claims, Duration::ZERO) {
            Err(error) => {
                self.wrong += 1;
                self.failure = Some(format!("{error:#}"));
            }
            Ok(stream) => {
                self.claims += stream.summary["claims"].as_u64().unwrap_or(0);
                let wrong = lines_apart(&stream.body, &claims.expected);
                self.wrong += wrong;
                if wrong > 0 {
                    self.failure = Some(format!("{wrong} verdicts were not as expected"));
                }
            }
        }
    }
}

/// Lines that differ, or are there on one side only.
fn lines_apart(one: &[u8], other: &[u8]) -> u64 {
    if one == other {
        return 0;
    }
    let (one, other): (Vec<_>, Vec<_>) =
        (one.split(|byte| *byte == b'\n').collect(), other.split(|byte| *byte == b'\n').collect());
    let apart = one.iter().zip(&other).filter(|(one, other)| one != other).count();
    (apart + one.len().abs_diff(other.len())) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_that_differs_counts() {
        assert_eq!(lines_apart(b"a\nb\n", b"a\nb\n"), 0);
        assert_eq!(lines_apart(b"a\nx\n", b"a\nb\n"), 1);
        assert_eq!(lines_apart(b"a\n", b"a\nb\nc\n"), 3);
        assert_eq!(lines_apart(b"", b"a\n"), 2);
    }
}
