//! Answers certificate queries over HTTP from mapped snapshots.
//!
//! `listen` accepts (with `tls` where it is asked for) and watches deadlines; `lane` answers usual queries,
//! hyper reads all else; `service` takes one request through `route`, `query`,
//! `limiter` and `live` to `answer` or `problem`; `refresh` follows the store on a thread of its own;
//! `admin` and `metrics` show operators what happens; `partner` serves other authorities. The server only ever reads the store.

pub mod admin;
pub mod answer;
pub mod body;
pub mod cidr;
pub mod cli;
pub mod client;
pub mod config;
pub mod lane;
pub mod limiter;
pub mod limits;
pub mod listen;
pub mod live;
pub mod log;
pub mod metrics;
pub mod page;
pub mod partner;
pub mod problem;
pub mod query;
pub mod refresh;
pub mod reload;
pub mod route;
pub mod server;
pub mod service;
pub mod shed;
pub mod tls;
pub mod wire;

pub use config::Config;
pub use server::{Options, Server, StartError};

use std::io::Write;

use anyhow::Context;
use rustix::process::{Resource, getrlimit, setrlimit};

/// Files the process needs beside its connections.
const FILES_BESIDE_CONNECTIONS: u64 = 128;

/// Runs the program until it is told to stop.
pub fn run(cli: &cli::Cli) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout();
    if let Some(cli::Command::Token { command }) = &cli.command {
        return partner::command::run(command, &mut stdout);
    }
    let config = Config::from_cli(cli)?;
    if cli.print_config {
        write!(stdout, "{}", config.to_toml()?)?;
        return Ok(());
    }
    if cli.check_config {
        return Ok(());
    }
    log::start(&config.log);
    let partner_connections_max =
        config.partner().map_or(0, |_| config.limits.partner_connections_max);
    raise_file_limit(config.limits.connections_max.saturating_add(partner_connections_max));
    if cli.partner_listen.is_some() && config.partner_tokens.is_none() {
        tracing::warn!("the partner listener is not opened: there is no --partner-tokens");
    }
    let server = Server::start(&config, Options { signals: true, fault: None })?;
    tracing::info!(
        public = %server.public_address(),
        admin = %server.admin_address(),
        partner = server.partner_address().map(tracing::field::display),
        workers = config.workers,
        "listening"
    );
    stdout
        .write_all(addresses(&server).as_bytes())
        .and_then(|()| stdout.flush())
        .context("cannot print the address")?;
    server.join();
    Ok(())
}

/// The first line is the public address; that of the partner listener follows where there is one.
fn addresses(server: &Server) -> String {
    let scheme = |has_tls| if has_tls { "https" } else { "http" };
    let mut lines = format!("{}://{}/\n", scheme(server.public_has_tls()), server.public_address());
    if let Some(partner) = server.partner_address() {
        lines.push_str(&format!("{}://{partner}/\n", scheme(server.partner_has_tls())));
    }
    lines
}

/// Asks for as many open files as the system grants.
fn raise_file_limit(connections_max: u64) {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Refused only where it is forbidden; then what there is must do.
    let _kept = setrlimit(Resource::Nofile, limit);
    let granted = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    if granted < connections_max.saturating_add(FILES_BESIDE_CONNECTIONS) {
        tracing::warn!(granted, connections_max, "fewer open files allowed than connections");
    }
}
