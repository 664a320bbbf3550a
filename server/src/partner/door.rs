//! Who comes in: the file of partners as it is now, and what a request shows.
//!
//! A thread follows the file as the store is followed. Promises that a change is in force within a
//! second of its rename, and that a file which cannot be read lets nobody in: it is logged, counted and
//! tried again. Streams that run already go on while the file cannot be read; they end when their
//! partner is gone from one that can.

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use hyper::HeaderMap;
use hyper::header::AUTHORIZATION;
use jiff::civil::Date;

use super::tokens::{Book, Partner};
use crate::problem::{Kind, Problem};

/// The longest pause between two looks at the file, so that a change counts within a second.
const LOOK_INTERVAL_MAX: Duration = Duration::from_millis(500);
/// A file changed this recently is read again, in case the next change shows the same times.
const SETTLED: Duration = Duration::from_secs(2);
const SCHEME: &str = "bearer";

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Neither a token nor a certificate.
    NoCredential,
    /// Something in the `Authorization` header that is no valid token.
    UnknownToken,
    /// A certificate that no partner has.
    UnknownCertificate,
    /// The last day of the partner is over.
    Expired,
    /// Not from this address.
    Address,
    /// The file of partners cannot be read.
    Closed,
}

impl Refusal {
    /// Every refusal with its label.
    pub const ALL: [(Self, &'static str); 6] = [
        (Self::NoCredential, "no_credential"),
        (Self::UnknownToken, "unknown_token"),
        (Self::UnknownCertificate, "unknown_certificate"),
        (Self::Expired, "expired"),
        (Self::Address, "address"),
        (Self::Closed, "closed"),
    ];

    /// What the client is told.
    #[must_use]
    pub fn problem(self) -> Problem {
        Problem::from(match self {
            Self::NoCredential | Self::UnknownToken | Self::UnknownCertificate => {
                Kind::Unauthorized
            }
            Self::Expired | Self::Address => Kind::Forbidden,
            Self::Closed => Kind::PartnersUnavailable,
        })
    }
}

/// Inode, length, change time: when these are as before, so is the file.
type Stamp = (u64, u64, i64, i64);

/// The file of partners, as last read.
pub struct Door {
    path: PathBuf,
    book: ArcSwapOption<Book>,
    refusals: [AtomicU64; Refusal::ALL.len()],
}

impl Door {
    /// The door of this file, not read yet.
    #[must_use]
    pub fn new(path: PathBuf) -> Self {
        Self { path, book: ArcSwapOption::empty(), refusals: Default::default() }
    }

    /// Lets a partner in by its token or, without one, by its certificate.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        certificate: Option<&[u8]>,
        address: IpAddr,
        today: Date,
    ) -> Result<Arc<Partner>, Refusal> {
        let outcome = self.find(headers, certificate).and_then(|partner| {
            if partner.is_expired(today) {
                Err(Refusal::Expired)
            } else if !partner.may_ask_from(address) {
                Err(Refusal::Address)
            } else {
                Ok(partner)
            }
        });
        if let Err(refusal) = outcome {
            self.refusals[refusal as usize].fetch_add(1, Relaxed);
        }
        outcome
    }

    fn find(
        &self,
        headers: &HeaderMap,
        certificate: Option<&[u8]>,
    ) -> Result<Arc<Partner>, Refusal> {
        let book = self.book.load();
        let book = book.as_ref().ok_or(Refusal::Closed)?;
        let found = if headers.contains_key(AUTHORIZATION) {
            let token = bearer(headers).ok_or(Refusal::UnknownToken)?;
            book.by_token(token).ok_or(Refusal::UnknownToken)
        } else {
            let certificate = certificate.ok_or(Refusal::NoCredential)?;
            book.by_certificate(certificate).ok_or(Refusal::UnknownCertificate)
        };
        found.cloned()
    }

    /// The partner as it stands in the file now; `None` when it may not go on. While the file cannot
    /// be read, it is as it was.
    #[must_use]
    pub fn still_in(&self, partner: &Arc<Partner>, today: Date) -> Option<Arc<Partner>> {
        let book = self.book.load();
        let now = match book.as_ref() {
            Some(book) => {
                book.find(&partner.name).filter(|now| now.credential == partner.credential)?
            }
            None => partner,
        };
        (!now.is_expired(today)).then(|| Arc::clone(now))
    }

    /// Whether anybody can come in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.book.load().is_some()
    }

    /// How many were refused for this.
    #[must_use]
    pub fn refused(&self, refusal: Refusal) -> u64 {
        self.refusals[refusal as usize].load(Relaxed)
    }

    /// Follows the file until told to stop, on a thread of its own. Reads it before it returns.
    pub fn follow(self: Arc<Self>, interval: Duration) -> std::io::Result<Follower> {
        let (messages, inbox) = std::sync::mpsc::channel();
        let mut watched = Watched { door: self, stamp: None, looked: false };
        watched.look(true);
        let interval = interval.min(LOOK_INTERVAL_MAX);
        let thread = std::thread::Builder::new()
            .name("partners".to_owned())
            .spawn(move || watched.run(&inbox, interval))?;
        Ok(Follower { messages, thread })
    }
}

/// The one token of the headers.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (value, None) = (values.next()?, values.next()) else { return None };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim())
}

/// The thread that follows the file.
pub struct Follower {
    messages: Sender<Message>,
    thread: JoinHandle<()>,
}

/// Wakes that thread.
#[derive(Clone)]
pub struct Trigger {
    messages: Sender<Message>,
}

impl Trigger {
    /// Looks at the file at once.
    pub fn look(&self) {
        let _ended = self.messages.send(Message::Look);
    }
}

enum Message {
    Look,
    Stop,
}

impl Follower {
    /// What wakes it.
    #[must_use]
    pub fn trigger(&self) -> Trigger {
        Trigger { messages: self.messages.clone() }
    }

    /// Ends it.
    pub fn stop(self) {
        let _ended = self.messages.send(Message::Stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that follows the partners file ended in a panic");
        }
    }
}

struct Watched {
    door: Arc<Door>,
    stamp: Option<Stamp>,
    looked: bool,
}

impl Watched {
    fn run(mut self, inbox: &Receiver<Message>, interval: Duration) {
        loop {
            match inbox.recv_timeout(interval) {
                Ok(Message::Look) => self.look(true),
                Err(RecvTimeoutError::Timeout) => self.look(false),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Reads the file when it has changed.
    fn look(&mut self, forced: bool) {
        let metadata = fs::metadata(&self.door.path).ok();
        let stamp: Option<Stamp> = metadata.as_ref().map(|metadata| {
            (metadata.ino(), metadata.len(), metadata.ctime(), metadata.ctime_nsec())
        });
        let settled = metadata
            .and_then(|metadata| metadata.modified().ok())
            .and_then(|modified| SystemTime::now().duration_since(modified).ok())
            .is_some_and(|age| age > SETTLED);
        if !forced && self.looked && stamp == self.stamp && (settled || stamp.is_none()) {
            return;
        }
        let changed = !self.looked || stamp != self.stamp;
        (self.stamp, self.looked) = (stamp, true);
        match Book::read(&self.door.path) {
            Ok(book) => {
                let partners = book.partners().len();
                let before = self.door.book.swap(Some(Arc::new(book)));
                if before.is_none() || changed {
                    tracing::info!(partners, "partners file read");
                }
            }
            Err(error) => {
                if self.door.book.swap(None).is_some() || changed {
                    tracing::error!(error = %error, "no partner is let in until this is mended");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn only_one_bearer_token_counts() {
        let token = |values: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for value in values {
                headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            bearer(&headers).map(str::to_owned)
        };
        assert_eq!(token(&["Bearer abc"]).as_deref(), Some("abc"));
        assert_eq!(token(&["bearer  abc "]).as_deref(), Some("abc"));
        for bad in [&["Basic abc"][..], &["Bearer"], &["abc"], &[], &["Bearer a", "Bearer a"]] {
            assert_eq!(token(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn refusals_are_numbered_in_order() {
        for (index, (refusal, _)) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal as usize, index);
        }
    }
}
