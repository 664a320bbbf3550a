//! Asks for a few certificates every ten milliseconds and holds each answer against what was decided.

use anyhow::{Context, anyhow, bail};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Between two rounds of questions.
const PAUSE: Duration = Duration::from_millis(10);
/// From the return of a command to the last answer that does not follow it.
const FOLLOWED_WITHIN: Duration = Duration::from_secs(1);
/// Longest wait for one answer.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);

/// What an answer says of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// The record.
    Valid,
    /// Its number alone.
    UnderReview,
}

/// How the list of holds is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    /// As it was written.
    Whole,
    /// Being written again.
    Coming,
    /// Missing or damaged.
    Broken,
}

/// A certificate that is asked for, and what its answers may say.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    /// 证书编号.
    pub(super) number: String,
    /// 姓名.
    pub(super) name: String,
    /// What every answer says, unless `next` is set.
    pub(super) shown: Shown,
    /// What answers say from some moment on, and never anything else after.
    pub(super) next: Option<Shown>,
    /// When the command that decided it returned, if it has.
    returned: Option<Instant>,
}

/// Everything that the asker and the driver share.
#[derive(Debug)]
struct Board {
    watched: Vec<Watched>,
    /// `None` while no server runs.
    address: Option<SocketAddr>,
    list: List,
    /// Since when there is this list and this server.
    since: Instant,
    wrong: Option<String>,
    answers: u64,
    refusals: u64,
    slowest: Duration,
}

/// The asking thread and what it found.
#[derive(Debug)]
pub(super) struct Asker {
    board: Arc<Mutex<Board>>,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// What was asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Answers with a certificate.
    pub answers: u64,
    /// Answers 503.
    pub refusals: u64,
    /// The longest from the return of a command to the first answer that follows it.
    pub slowest: Duration,
}

impl Asker {
    /// Starts asking for these, all valid, as soon as there is a server.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(super) fn start(
        certificates: impl IntoIterator<Item = (String, String)>,
    ) -> anyhow::Result<Self> {
        let watched = certificates.into_iter().map(|(number, name)| Watched {
            number,
            name,
            shown: Shown::Valid,
            next: None,
            returned: None,
        });
        let board = Arc::new(Mutex::new(Board {
            watched: watched.collect(),
            address: None,
            list: List::Whole,
            since: Instant::now(),
            wrong: None,
            answers: 0,
            refusals: 0,
            slowest: Duration::ZERO,
        }));
        let over = Arc::new(AtomicBool::new(false));
        let asking = (Arc::clone(&board), Arc::clone(&over));
        let thread = thread::Builder::new()
            .name("asker".to_owned())
            .spawn(move || ask_until_over(&asking.0, &asking.1))?;
        Ok(Self { board, over, thread: Some(thread) })
    }

    /// Where to ask; `None` waits until nobody is asking and stops the questions.
    pub(super) fn set_address(&self, address: Option<SocketAddr>) {
        let mut board = lock(&self.board);
        (board.address, board.since) = (address, Instant::now());
    }

    /// The certificates as answers show them now.
    #[must_use]
    pub(super) fn watched(&self) -> Vec<Watched> {
        lock(&self.board).watched.clone()
    }

    /// A command that decides this about these has been started.
    pub(super) fn deciding(&self, numbers: &[String], next: Shown) {
        for watched in &mut lock(&self.board).watched {
            if numbers.contains(&watched.number) {
                (watched.next, watched.returned) = (Some(next), None);
            }
        }
    }

    /// The command has returned: within a second every answer follows.
    pub(super) fn decided(&self, numbers: &[String]) {
        for watched in &mut lock(&self.board).watched {
            if numbers.contains(&watched.number) {
                watched.returned = Some(Instant::now());
            }
        }
    }

    /// The command was killed, and nothing came of it.
    ///
    /// # Errors
    /// When an answer showed it all the same.
    pub(super) fn undecided(&self, numbers: &[String], next: Shown) -> anyhow::Result<()> {
        for watched in &mut lock(&self.board).watched {
            if numbers.contains(&watched.number) {
                if watched.shown == next {
                    bail!("{}: served as {next:?}, which the ledger does not say", watched.number);
                }
                watched.next = None;
            }
        }
        Ok(())
    }

    /// How the list is from now on.
    pub(super) fn set_list(&self, list: List) {
        let mut board = lock(&self.board);
        (board.list, board.since) = (list, Instant::now());
    }

    /// Stops at a wrong answer; waits until every decision is followed.
    ///
    /// # Errors
    /// Naming the wrong answer.
    pub(super) fn settled(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + ANSWERED_WITHIN;
        loop {
            self.check()?;
            if self.watched().iter().all(|watched| watched.next.is_none()) {
                return Ok(());
            }
            if Instant::now() > deadline {
                bail!("no answer in {ANSWERED_WITHIN:?}");
            }
            thread::sleep(PAUSE);
        }
    }

    /// # Errors
    /// Naming the wrong answer, if there was one.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match &lock(&self.board).wrong {
            Some(wrong) => Err(anyhow!("{wrong}")),
            None => Ok(()),
        }
    }

    /// How many answers there were so far.
    #[must_use]
    pub(super) fn asked(&self) -> Asked {
        let board = lock(&self.board);
        Asked { answers: board.answers, refusals: board.refusals, slowest: board.slowest }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.over.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn lock(board: &Mutex<Board>) -> MutexGuard<'_, Board> {
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ask_until_over(board: &Mutex<Board>, over: &AtomicBool) {
    let mut connection: Option<(SocketAddr, Connection)> = None;
    while !over.load(Relaxed) {
        let count = lock(board).watched.len();
        for at in 0..count {
            if let Err(error) = ask(board, at, &mut connection) {
                lock(board).wrong.get_or_insert_with(|| format!("{error:#}"));
                return;
            }
        }
        thread::sleep(PAUSE);
    }
}

/// One question. Whoever changes the board waits for its answer, so that an answer is judged by what
/// was known when it was asked for.
fn ask(
    board: &Mutex<Board>,
    at: usize,
    connection: &mut Option<(SocketAddr, Connection)>,
) -> anyhow::Result<()> {
    let mut board = lock(board);
    let Some(address) = board.address else {
        *connection = None;
        return Ok(());
    };
    let connected = match connection.take() {
        Some((known, connected)) if known == address => connected,
        _ => Connection::open(address).context("the server cannot be reached")?,
    };
    let (_, connected) = connection.insert((address, connected));
    let began = Instant::now();
    let (status, body) = connected.ask(&board.watched[at]).context("a question got no answer")?;
    judge(&mut board, at, began, status, &body)
}

fn judge(
    board: &mut Board,
    at: usize,
    began: Instant,
    status: u16,
    body: &[u8],
) -> anyhow::Result<()> {
    let late = |since: Option<Instant>| since.is_some_and(|since| began > since + FOLLOWED_WITHIN);
    let settled = late(Some(board.since));
    match (status, board.list) {
        (503, List::Whole) if settled => bail!("no answer, though all is whole"),
        (503, _) => {
            board.refusals += 1;
            return Ok(());
        }
        (200, List::Broken) if settled => bail!("an answer without a list of holds"),
        (200, _) => board.answers += 1,
        (other, _) => bail!("answered {other}"),
    }
    let document: serde_json::Value = serde_json::from_slice(body)?;
    let watched = &mut board.watched[at];
    let text = String::from_utf8_lossy(body);
    let shown = match document["certificates"][0]["status"].as_str() {
        Some("valid") => Shown::Valid,
        // Nothing of the record may stand beside its number.
        Some("under_review") if !text.contains(&watched.name) => Shown::UnderReview,
        _ => bail!("{}: unexpected answer", watched.number),
    };
    if watched.next == Some(shown) {
        let took = watched.returned.map_or(Duration::ZERO, |returned| returned.elapsed());
        (watched.shown, watched.next, watched.returned) = (shown, None, None);
        board.slowest = board.slowest.max(took);
    } else if watched.shown != shown {
        bail!("{}: {shown:?} after it was {:?}", watched.number, watched.shown);
    } else if watched.next.is_some() && late(watched.returned) {
        bail!("{}: still {shown:?} a second after the command returned", watched.number);
    }
    Ok(())
}

/// A kept connection.
struct Connection(BufReader<TcpStream>);

impl Connection {
    fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    fn ask(&mut self, watched: &Watched) -> anyhow::Result<(u16, Vec<u8>)> {
        let Watched { number, name, .. } = watched;
        let body = serde_json::json!({ "certificate_number": number, "name": name }).to_string();
        let request = format!(
            "POST /v1/query HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes())?;
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let status = line.split(' ').nth(1).context("no status line")?.parse()?;
        let mut length = 0;
        while line.trim() != "" {
            line.clear();
            self.0.read_line(&mut line)?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body)?;
        Ok((status, body))
    }
}
