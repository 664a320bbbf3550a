//! Slow clients as a background: each keeps a connection busy for as long as the server lets it.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio::time::sleep;

use crate::load::run;

/// Between two bytes.
const PAUSE: Duration = Duration::from_millis(250);
/// Before a client comes again whose connection was ended.
const AGAIN: Duration = Duration::from_millis(100);
/// The first connections are made over this time: clients do not come all at once.
const COME_WITHIN: Duration = Duration::from_secs(2);
/// A reader takes answers into as little as the system allows.
const READER_BUFFER: u32 = 2048;
/// Pages that a reader asks for at once, so that they fill every buffer on the way.
const READER_REQUESTS: usize = 500;
const BODY: &str = r#"{"certificate_number":"0000000000000000","name":"无名"}"#;

#[derive(Clone, Copy)]
enum Sort {
    Head,
    Body,
    Reader,
}

#[derive(Default)]
struct Tally {
    ended: BTreeMap<String, u64>,
    longest: Duration,
}

/// Slow clients that run until they are stopped.
pub struct Slow {
    each: u64,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
    tally: Arc<Mutex<Tally>>,
}

impl Slow {
    /// Starts so many of each sort, all on one thread.
    ///
    /// # Errors
    /// When the system has no thread or poll for them.
    pub fn start(address: SocketAddr, each: u64) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("no runtime for slow clients")?;
        let (stop, stopped) = oneshot::channel::<()>();
        let tally = Arc::new(Mutex::new(Tally::default()));
        let tallied = Arc::clone(&tally);
        let thread = thread::spawn(move || {
            runtime.block_on(async move {
                for sort in [Sort::Head, Sort::Body, Sort::Reader] {
                    for client in 0..each {
                        let wait = COME_WITHIN.mul_f64(client as f64 / each as f64);
                        let tallied = Arc::clone(&tallied);
                        tokio::spawn(async move {
                            sleep(wait).await;
                            come_again(sort, address, tallied).await;
                        });
                    }
                }
                // Dropped or used, both mean the end.
                let _ = stopped.await;
            });
        });
        Ok(Self { each, stop, thread, tally })
    }

    /// Ends them.
    #[must_use]
    pub fn finish(self) -> run::Slow {
        drop(self.stop);
        let _ = self.thread.join();
        let tally = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        run::Slow {
            heads: self.each,
            bodies: self.each,
            readers: self.each,
            ended: tally.ended.clone(),
            longest_s: tally.longest.as_secs_f64(),
        }
    }
}

async fn come_again(sort: Sort, address: SocketAddr, tally: Arc<Mutex<Tally>>) {
    loop {
        let began = Instant::now();
        let how = match live(sort, address).await {
            Ok(how) => how,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => "refused".to_owned(),
            Err(_) => "reset".to_owned(),
        };
        {
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            *tally.ended.entry(how).or_default() += 1;
            tally.longest = tally.longest.max(began.elapsed());
        }
        sleep(AGAIN).await;
    }
}

/// One connection until the server ends it: a status, or `closed`.
async fn live(sort: Sort, address: SocketAddr) -> io::Result<String> {
    let head = format!(
        "POST /v1/query HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n",
        BODY.len()
    );
    match sort {
        Sort::Head => drip(TcpStream::connect(address).await?, &head, "X-Slow: ").await,
        Sort::Body => {
            drip(TcpStream::connect(address).await?, &format!("{head}\r\n{{"), "\"name").await
        }
        Sort::Reader => {
            let socket = TcpSocket::new_v4()?;
            socket.set_recv_buffer_size(READER_BUFFER)?;
            let mut stream = socket.connect(address).await?;
            let requests =
                format!("GET / HTTP/1.1\r\nHost: {address}\r\n\r\n").repeat(READER_REQUESTS);
            let (mut reading, mut writing) = stream.split();
            let write = writing.write_all(requests.as_bytes());
            let read = async {
                let mut byte = [0];
                while reading.read(&mut byte).await? > 0 {
                    sleep(PAUSE).await;
                }
                Ok::<_, io::Error>("closed".to_owned())
            };
            tokio::pin!(write);
            tokio::pin!(read);
            let mut is_written = false;
            loop {
                tokio::select! {
                    how = &mut read => return how,
                    wrote = &mut write, if !is_written => {
                        wrote?;
                        is_written = true;
                    }
                }
            }
        }
    }
}

/// Sends `first` at once and `rest` byte by byte, over and over, until the server answers or ends it.
async fn drip(mut stream: TcpStream, first: &str, rest: &str) -> io::Result<String> {
    stream.write_all(first.as_bytes()).await?;
    let mut answer = [0; 64];
    for byte in rest.bytes().cycle() {
        tokio::select! {
            read = stream.read(&mut answer) => {
                let text = String::from_utf8_lossy(&answer[..read?]).into_owned();
                let status = text.split(' ').nth(1).filter(|_| text.starts_with("HTTP/1.1 "));
                return Ok(status.unwrap_or("closed").to_owned());
            }
            () = sleep(PAUSE) => stream.write_all(&[byte]).await?,
        }
    }
    Ok("closed".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    #[test]
    fn they_come_again_and_say_how_they_were_ended() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    let mut first = [0; 2048];
                    let read = stream.read(&mut first).unwrap_or(0);
                    // Pages are asked for by readers, who take nothing.
                    if !first[..read].starts_with(b"GET") {
                        let _ = stream.write_all(b"HTTP/1.1 408 Request Timeout\r\n\r\n");
                    }
                });
            }
        });
        let slow = Slow::start(address, 2).unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let enough = |tally: &Tally| {
            tally.ended.get("408").is_some_and(|count| *count >= 4)
                && tally.ended.iter().any(|(how, count)| how != "408" && *count >= 2)
        };
        while !enough(&slow.tally.lock().unwrap()) {
            assert!(Instant::now() < deadline, "{:?}", slow.tally.lock().unwrap().ended);
            thread::sleep(Duration::from_millis(20));
        }
        let told = slow.finish();
        assert_eq!((told.heads, told.bodies, told.readers), (2, 2, 2));
    }
}
