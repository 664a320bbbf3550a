//! The server from outside, over real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod answers; // golden bytes, masks, misses, the page
mod certificates; // certificates made here, and a client over TLS
mod lanes; // the short way of usual queries and hyper answer alike
mod limits; // rates, places, connections, forwarded addresses
mod memory; // where the data lie, what the system refuses, marks, deltas
mod odd; // hostile and odd requests never cost more than themselves
mod partner; // who may ask, and the full answer
mod partner_client; // a client of streams
mod partner_process; // the program with a partner listener
mod partner_stream; // claims in, verdicts out
mod partner_tls; // certificates of both sides, made here
mod process; // the program: first line, signals, open files, settings
mod public_tls; // the public listener over TLS, on both ways
mod refresh; // no store, swaps under load, bad snapshots, holds
mod requests; // raw heads and bodies, methods, types, sizes
mod support;
mod timeouts; // every phase of a connection has a deadline
