//! The command line as typed. What it means is decided in `config`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use serde::{Deserialize, Serialize};

use crate::cidr::Cidr;
use crate::limits::LimitFlags;
use crate::partner::command::TokenCommand;

/// On or off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// In force.
    #[default]
    On,
    /// Not in force.
    Off,
}

/// Where the data lie while they are served: the engine's policies, with names and costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// In the page cache; the system drops pages when memory is short, and reads them again when asked
    #[default]
    Mapped,
    /// As mapped, but nothing is read before it is asked for: for a register larger than the memory
    Paged,
    /// As mapped, but read in before the first answer; a start takes as long as reading everything
    Populated,
    /// As populated, and never dropped: needs that much free memory and the right to lock it
    Locked,
    /// Copied into huge pages of this process: fastest, but no page cache is shared; while a new base
    /// replaces another, both are held
    Huge,
}

impl From<Memory> for zhengcha_engine::Memory {
    fn from(memory: Memory) -> Self {
        match memory {
            Memory::Mapped => Self::Mapped,
            Memory::Paged => Self::Paged,
            Memory::Populated => Self::Populated,
            Memory::Locked => Self::Locked,
            Memory::Huge => Self::Huge,
        }
    }
}

/// Answers certificate queries (any two of four fields) over HTTP from the snapshot that
/// `zhengcha-loader` published in a store, and follows the store without a pause.
#[derive(Clone, Debug, Default, Parser)]
#[command(
    name = "zhengcha-server",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  \
        zhengcha-server --store ./store\n  \
        zhengcha-server --store /srv/zhengcha --listen 127.0.0.1:9000 --trusted-proxy 127.0.0.1\n  \
        curl -d '{\"certificate_number\":\"…\",\"name\":\"…\"}' -H 'Content-Type: application/json' \
        http://127.0.0.1:8080/v1/query\n  \
        zhengcha-server token add tax-bureau --tokens partners.toml\n  \
        zhengcha-server --store ./store --partner-tokens partners.toml\n\n\
        The first line on stdout is the public address; logs go to stderr, as JSON lines. SIGHUP looks \
        at the store at once; SIGTERM lets running requests finish, then exits with 0.\n\
        Every setting is also a ZHENGCHA_* variable and a key of the settings file; flags win. \
        `--help` lists the limits too, -h does not.\n\
        The public listener speaks plain HTTP/1.1 unless --public-tls is on, the admin listener always: \
        where one is not on loopback, use TLS or put a TLS gateway in front. The partner listener does \
        TLS itself, and must where it is not on loopback."
)]
pub struct Cli {
    /// Something else than serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Folder of the store; read access is enough [default: ./store]
    #[arg(long, env = "ZHENGCHA_STORE", value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Address of the public listener; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "ZHENGCHA_LISTEN", value_name = "ADDRESS")]
    pub listen: Option<SocketAddr>,
    /// Address of the listener for health, metrics and reload [default: 127.0.0.1:8081]
    #[arg(long, env = "ZHENGCHA_ADMIN_LISTEN", value_name = "ADDRESS")]
    pub admin_listen: Option<SocketAddr>,
    /// Address of the listener for partners, opened when --partner-tokens is given [default: 127.0.0.1:8082]
    #[arg(long, env = "ZHENGCHA_PARTNER_LISTEN", value_name = "ADDRESS")]
    pub partner_listen: Option<SocketAddr>,
    /// The file of partners, which `zhengcha-server token add` makes; followed while serving
    #[arg(long, env = "ZHENGCHA_PARTNER_TOKENS", value_name = "FILE")]
    pub partner_tokens: Option<PathBuf>,
    /// TLS on the public listener too, with the same certificate [default: off]
    #[arg(long, env = "ZHENGCHA_PUBLIC_TLS", value_name = "on|off")]
    pub public_tls: Option<Switch>,
    /// Certificate of the partner listener, and of the public one with --public-tls on (PEM, with those
    /// up to the root); SIGHUP reads it again
    #[arg(long, env = "ZHENGCHA_TLS_CERT", value_name = "FILE")]
    pub tls_cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, env = "ZHENGCHA_TLS_KEY", value_name = "FILE")]
    pub tls_key: Option<PathBuf>,
    /// CA whose client certificates of partners are taken in place of tokens, once registered (PEM)
    #[arg(long, env = "ZHENGCHA_CLIENT_CA", value_name = "FILE")]
    pub client_ca: Option<PathBuf>,
    /// Let the admin listener be on another address than loopback; it asks for no password
    #[arg(long, env = "ZHENGCHA_ADMIN_ALLOW_REMOTE")]
    pub admin_allow_remote: bool,
    /// Limits on queries per address and on wrong guesses per number [default: on]
    #[arg(long, env = "ZHENGCHA_RATE_LIMIT", value_name = "on|off")]
    pub rate_limit: Option<Switch>,
    /// Proxies whose X-Forwarded-For counts, as address or range; may be repeated
    #[arg(long, env = "ZHENGCHA_TRUSTED_PROXY", value_name = "CIDR", value_delimiter = ',')]
    pub trusted_proxy: Vec<Cidr>,
    /// Threads that answer public requests [default: one per core]
    #[arg(long, env = "ZHENGCHA_WORKERS", value_name = "N")]
    pub workers: Option<usize>,
    /// How the data are kept in memory [default: mapped]
    #[arg(long, env = "ZHENGCHA_MEMORY", value_name = "POLICY")]
    pub memory: Option<Memory>,
    /// What is logged: error, warn, info, debug, or a filter such as `info,access=debug` [default: info]
    #[arg(long, env = "ZHENGCHA_LOG", value_name = "FILTER")]
    pub log: Option<String>,
    /// Settings file (TOML)
    #[arg(long, env = "ZHENGCHA_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print the effective settings as a settings file, and exit
    #[arg(long)]
    pub print_config: bool,
    /// Check the settings, and exit: 0 when they are good
    #[arg(long)]
    pub check_config: bool,
    /// The limits.
    #[command(flatten)]
    pub limits: LimitFlags,
}

/// What the program does beside serving.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Add, list and revoke partners: who may use the partner listener
    Token {
        /// What to do.
        #[command(subcommand)]
        command: TokenCommand,
    },
}
