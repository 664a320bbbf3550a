//! The settings as meant: flags over `ZHENGCHA_*` variables over the TOML file over defaults, checked.
//!
//! Promises that a mistake is reported with the file, the line and the key, before anything starts.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::cidr::Cidr;
use crate::cli::{Cli, Memory, Switch};
use crate::limits::{LimitFile, Limits};
use crate::partner::Settings;
use crate::tls::TlsFiles;

/// Where the store is when nothing says otherwise.
pub const DEFAULT_STORE: &str = "./store";
/// Where the public listens.
pub const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// Where health, metrics and reload listen.
pub const DEFAULT_ADMIN_LISTEN: &str = "127.0.0.1:8081";
/// Where partners are listened to.
pub const DEFAULT_PARTNER_LISTEN: &str = "127.0.0.1:8082";
/// The most worker threads; more than this on one listener is a typing mistake.
pub const WORKERS_MAX: usize = 256;
/// The most bytes of a settings file.
pub const CONFIG_FILE_BYTES_MAX: u64 = 1024 * 1024;

/// The effective settings.
#[derive(Clone, Debug, Serialize)]
pub struct Config {
    /// Folder of the store.
    pub store: PathBuf,
    /// Address of the public listener.
    pub listen: SocketAddr,
    /// Address of the admin listener.
    pub admin_listen: SocketAddr,
    /// Address of the partner listener; opened when there is a file of partners.
    pub partner_listen: SocketAddr,
    /// The file of partners.
    pub partner_tokens: Option<PathBuf>,
    /// Whether the public listener speaks TLS.
    pub public_tls: Switch,
    /// Certificate of the partner listener, and of the public one where it speaks TLS.
    pub tls_cert: Option<PathBuf>,
    /// Its private key.
    pub tls_key: Option<PathBuf>,
    /// CA of the client certificates of partners.
    pub client_ca: Option<PathBuf>,
    /// Whether the admin listener may leave loopback.
    pub admin_allow_remote: bool,
    /// Whether queries are limited per address and per number.
    pub rate_limit: Switch,
    /// Proxies whose X-Forwarded-For counts.
    pub trusted_proxies: Vec<Cidr>,
    /// Threads that answer public requests.
    pub workers: usize,
    /// How the data are kept in memory.
    pub memory: Memory,
    /// The log filter.
    pub log: String,
    /// The limits.
    pub limits: Limits,
}

/// The settings file: the same keys, all optional.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    store: Option<PathBuf>,
    listen: Option<SocketAddr>,
    admin_listen: Option<SocketAddr>,
    partner_listen: Option<SocketAddr>,
    partner_tokens: Option<PathBuf>,
    public_tls: Option<Switch>,
    tls_cert: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    client_ca: Option<PathBuf>,
    admin_allow_remote: Option<bool>,
    rate_limit: Option<Switch>,
    trusted_proxies: Option<Vec<Cidr>>,
    workers: Option<usize>,
    memory: Option<Memory>,
    log: Option<String>,
    #[serde(default)]
    limits: LimitFile,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The settings file cannot be read.
    #[error("cannot read the settings file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The settings file is larger than any real one.
    #[error("the settings file {path} has more than {CONFIG_FILE_BYTES_MAX} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// The settings file has an unknown key or a value of the wrong kind; the text shows line and key.
    #[error("{path}: {source}")]
    Parse {
        /// The file.
        path: PathBuf,
        /// Line, key and reason.
        source: Box<toml::de::Error>,
    },
    /// A limit of zero would stop the service.
    #[error("the limit {0} must be at least 1")]
    ZeroLimit(&'static str),
    /// No worker, or more than any machine has use for.
    #[error("workers must be 1 to {WORKERS_MAX}, not {0}")]
    Workers(usize),
    /// The admin listener asks for no password.
    #[error(
        "the admin listener asks for no password and {0} is not loopback; \
         add --admin-allow-remote if the network around it is closed"
    )]
    AdminRemote(SocketAddr),
    /// Tokens and personal data would go over the network in plain form.
    #[error(
        "the partner listener asks for tokens and {0} is not loopback; \
         give --tls-cert and --tls-key, or listen on 127.0.0.1 behind a TLS gateway"
    )]
    PartnerRemote(SocketAddr),
    /// Half of what TLS needs.
    #[error("{given} needs {missing} too")]
    Tls {
        /// The setting that is there.
        given: &'static str,
        /// The setting that is not.
        missing: &'static str,
    },
    /// A certificate that no listener would show.
    #[error(
        "tls_cert is for no listener: give partner_tokens too, which opens the partner listener, \
         or public_tls = on"
    )]
    TlsUnused,
    /// The log filter is not understood.
    #[error("the log filter `{filter}` is not understood: {reason}")]
    Log {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Config {
    /// Puts flags, environment (already merged by the command line parser), file and defaults together.
    pub fn from_cli(cli: &Cli) -> Result<Self, ConfigError> {
        let file = match &cli.config {
            Some(path) => read_file(path.clone())?,
            None => ConfigFile::default(),
        };
        let config = Self {
            store: cli.store.clone().or(file.store).unwrap_or_else(|| DEFAULT_STORE.into()),
            listen: cli.listen.or(file.listen).unwrap_or_else(|| default_address(DEFAULT_LISTEN)),
            admin_listen: cli
                .admin_listen
                .or(file.admin_listen)
                .unwrap_or_else(|| default_address(DEFAULT_ADMIN_LISTEN)),
            partner_listen: cli
                .partner_listen
                .or(file.partner_listen)
                .unwrap_or_else(|| default_address(DEFAULT_PARTNER_LISTEN)),
            partner_tokens: cli.partner_tokens.clone().or(file.partner_tokens),
            public_tls: cli.public_tls.or(file.public_tls).unwrap_or(Switch::Off),
            tls_cert: cli.tls_cert.clone().or(file.tls_cert),
            tls_key: cli.tls_key.clone().or(file.tls_key),
            client_ca: cli.client_ca.clone().or(file.client_ca),
            admin_allow_remote: cli.admin_allow_remote || file.admin_allow_remote.unwrap_or(false),
            rate_limit: cli.rate_limit.or(file.rate_limit).unwrap_or_default(),
            trusted_proxies: if cli.trusted_proxy.is_empty() {
                file.trusted_proxies.unwrap_or_default()
            } else {
                cli.trusted_proxy.clone()
            },
            workers: cli.workers.or(file.workers).unwrap_or_else(default_workers),
            memory: cli.memory.or(file.memory).unwrap_or_default(),
            log: cli.log.clone().or(file.log).unwrap_or_else(|| "info".to_owned()),
            limits: Limits::resolve(&cli.limits, &file.limits).map_err(ConfigError::ZeroLimit)?,
        };
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), ConfigError> {
        if !(1..=WORKERS_MAX).contains(&self.workers) {
            return Err(ConfigError::Workers(self.workers));
        }
        if !self.admin_allow_remote && !self.admin_listen.ip().to_canonical().is_loopback() {
            return Err(ConfigError::AdminRemote(self.admin_listen));
        }
        self.check_tls()?;
        if let Err(error) = self.log.parse::<tracing_subscriber::EnvFilter>() {
            return Err(ConfigError::Log { filter: self.log.clone(), reason: error.to_string() });
        }
        Ok(())
    }

    fn check_tls(&self) -> Result<(), ConfigError> {
        let (has_certificate, has_key) = (self.tls_cert.is_some(), self.tls_key.is_some());
        let (has_client_ca, has_partners) =
            (self.client_ca.is_some(), self.partner_tokens.is_some());
        let is_public = self.public_tls == Switch::On;
        let settings = [
            ("tls_cert", has_certificate, "tls_key", has_key),
            ("tls_key", has_key, "tls_cert", has_certificate),
            ("client_ca", has_client_ca, "tls_cert", has_certificate),
            ("client_ca", has_client_ca, "partner_tokens", has_partners),
            ("public_tls = on", is_public, "tls_cert and tls_key", has_certificate),
        ];
        for (given, is_given, missing, is_there) in settings {
            if is_given && !is_there {
                return Err(ConfigError::Tls { given, missing });
            }
        }
        if has_certificate && !has_partners && !is_public {
            return Err(ConfigError::TlsUnused);
        }
        let is_remote = !self.partner_listen.ip().to_canonical().is_loopback();
        if has_partners && !has_certificate && is_remote {
            return Err(ConfigError::PartnerRemote(self.partner_listen));
        }
        Ok(())
    }

    /// What the public listener speaks TLS with; `None` when it does not.
    #[must_use]
    pub fn public_tls_files(&self) -> Option<TlsFiles> {
        // Whoever asks as one of the public shows no certificate.
        self.tls_files(None).filter(|_| self.public_tls == Switch::On)
    }

    fn tls_files(&self, client_ca: Option<PathBuf>) -> Option<TlsFiles> {
        let (certificate, key) = self.tls_cert.clone().zip(self.tls_key.clone())?;
        Some(TlsFiles { certificate, key, client_ca })
    }

    /// What the partner listener is given; `None` when it is not opened.
    #[must_use]
    pub fn partner(&self) -> Option<Settings> {
        Some(Settings {
            listen: self.partner_listen,
            tokens: self.partner_tokens.clone()?,
            tables: self.store.join("tables"),
            tls: self.tls_files(self.client_ca.clone()),
            threads: default_workers(),
            limits: self.limits.clone(),
        })
    }

    /// The settings as a settings file.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        toml::to_string(self)
    }
}

fn read_file(path: PathBuf) -> Result<ConfigFile, ConfigError> {
    match std::fs::metadata(&path) {
        Ok(metadata) if metadata.len() > CONFIG_FILE_BYTES_MAX => {
            return Err(ConfigError::TooLarge { path });
        }
        Ok(_) => {}
        Err(source) => return Err(ConfigError::Read { path, source }),
    }
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    toml::from_str(&text).map_err(|source| ConfigError::Parse { path, source: Box::new(source) })
}

fn default_address(text: &str) -> SocketAddr {
    // The two constants above; a test holds that they parse.
    text.parse().unwrap_or_else(|_| SocketAddr::from(([127, 0, 0, 1], 0)))
}

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(WORKERS_MAX)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use clap::Parser;

    use super::*;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn resolve(arguments: &[&str], text: &str) -> Result<Config, ConfigError> {
        let file = file(text);
        let mut all = vec!["zhengcha-server", "--config", file.path().to_str().unwrap()];
        all.extend(arguments);
        Config::from_cli(&Cli::try_parse_from(all).unwrap())
    }

    #[test]
    fn the_defaults_are_those_of_the_contract() {
        let config = Config::from_cli(&Cli::default()).unwrap();
        assert_eq!(config.store, PathBuf::from("./store"));
        assert_eq!(config.listen.to_string(), DEFAULT_LISTEN);
        assert_eq!(config.admin_listen.to_string(), DEFAULT_ADMIN_LISTEN);
        assert_eq!(config.partner_listen.to_string(), DEFAULT_PARTNER_LISTEN);
        assert!(config.partner().is_none(), "no tokens, no partner listener");
        assert_eq!(config.rate_limit, Switch::On);
        assert_eq!(config.public_tls, Switch::Off);
        assert!(config.trusted_proxies.is_empty());
        assert_eq!(config.memory, Memory::Mapped);
    }

    #[test]
    fn flags_win_over_the_file() {
        let text = "store = \"/a\"\nlisten = \"127.0.0.1:1\"\nrate_limit = \"off\"\n\
                    trusted_proxies = [\"10.0.0.0/8\"]\nmemory = \"huge\"\n\
                    [limits]\nidle_timeout_ms = 7\n";
        let config = resolve(&["--store", "/b"], text).unwrap();
        assert_eq!(config.store, PathBuf::from("/b"));
        assert_eq!(config.listen.to_string(), "127.0.0.1:1");
        assert_eq!(config.rate_limit, Switch::Off);
        assert_eq!(config.trusted_proxies.len(), 1);
        assert_eq!(config.limits.idle_timeout_ms, 7);
        assert_eq!(config.memory, Memory::Huge);
        assert_eq!(resolve(&["--memory", "locked"], text).unwrap().memory, Memory::Locked);
    }

    #[test]
    fn a_mistake_in_the_file_is_named_with_file_line_and_key() {
        let error = resolve(&[], "store = \"/a\"\nlimts = 3\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("limts"), "{error}");
        let error = resolve(&[], "\n\n[limits]\nidle_ms = 3\n").unwrap_err().to_string();
        assert!(error.contains("line 4") && error.contains("idle_ms"), "{error}");
        let error = resolve(&[], "listen = \"nowhere\"\n").unwrap_err().to_string();
        assert!(error.contains("line 1") && error.contains("listen"), "{error}");
        let error = resolve(&[], "trusted_proxies = [\"10.0.0.1/8\"]").unwrap_err().to_string();
        assert!(error.contains("10.0.0.1/8"), "{error}");
    }

    #[test]
    fn dangerous_settings_are_refused() {
        assert!(matches!(resolve(&["--workers", "0"], ""), Err(ConfigError::Workers(0))));
        assert!(matches!(
            resolve(&["--admin-listen", "0.0.0.0:1"], ""),
            Err(ConfigError::AdminRemote(_))
        ));
        assert!(resolve(&["--admin-listen", "0.0.0.0:1", "--admin-allow-remote"], "").is_ok());
        assert!(resolve(&["--admin-listen", "[::1]:1"], "").is_ok());
        assert!(matches!(
            resolve(&["--connections-max", "0"], ""),
            Err(ConfigError::ZeroLimit("connections_max"))
        ));
        assert!(matches!(resolve(&["--log", "a=b=c"], ""), Err(ConfigError::Log { .. })));
    }

    #[test]
    fn partners_off_loopback_need_tls() {
        let remote = ["--partner-tokens", "t", "--partner-listen", "0.0.0.0:1"];
        assert!(matches!(resolve(&remote, ""), Err(ConfigError::PartnerRemote(_))));
        assert!(resolve(&remote[2..], "").is_ok(), "not opened");
        assert!(resolve(&["--partner-tokens", "t", "--partner-listen", "[::1]:1"], "").is_ok());
        let tls = ["--tls-cert", "c", "--tls-key", "k"];
        let config = resolve(&[&remote[..], &tls].concat(), "client_ca = \"a\"").unwrap();
        assert!(config.partner().unwrap().tls.unwrap().client_ca.is_some());
        let lack = |arguments: &[&str], missing: &str| {
            let error = resolve(arguments, "").unwrap_err().to_string();
            assert!(error.contains(missing), "{error}");
        };
        lack(&tls, "partner_tokens");
        lack(&[&remote[..], &tls[..2]].concat(), "tls_key");
        lack(&[&remote[..], &tls[2..]].concat(), "tls_cert");
        lack(&["--partner-tokens", "t", "--client-ca", "a"], "tls_cert");
    }

    #[test]
    fn tls_of_the_public_needs_a_certificate_and_asks_for_none() {
        let tls = ["--tls-cert", "c", "--tls-key", "k"];
        let config = resolve(&tls, "public_tls = \"on\"").unwrap();
        assert_eq!(config.public_tls_files().unwrap().certificate, PathBuf::from("c"));
        assert!(config.partner().is_none());
        let partners = ["--partner-tokens", "t", "--client-ca", "a"];
        let config = resolve(&[&tls[..], &partners].concat(), "public_tls = \"on\"").unwrap();
        assert!(config.public_tls_files().unwrap().client_ca.is_none());
        assert!(config.partner().unwrap().tls.unwrap().client_ca.is_some());
        let off = [&tls[..], &partners, &["--public-tls", "off"]].concat();
        let config = resolve(&off, "public_tls = \"on\"").unwrap();
        assert!(config.public_tls_files().is_none(), "the flag wins");

        let lack = |arguments: &[&str], words: &[&str]| {
            let error = resolve(arguments, "").unwrap_err().to_string();
            assert!(words.iter().all(|word| error.contains(word)), "{error}");
        };
        let on = ["--public-tls", "on"];
        lack(&on, &["public_tls", "tls_cert", "tls_key"]);
        lack(&[&on[..], &tls[..2]].concat(), &["tls_key"]);
        lack(&tls, &["public_tls", "partner_tokens"]);
        lack(&[&on[..], &tls, &partners[2..]].concat(), &["client_ca", "partner_tokens"]);
        let error = resolve(&[], "\npublic_tls = true").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("public_tls"), "{error}");
    }

    #[test]
    fn the_printed_settings_read_back_as_themselves() {
        let text = "trusted_proxies = [\"fd00::/8\"]\nlog = \"warn\"\n[limits]\nworkers_max = 1";
        assert!(resolve(&[], text).is_err(), "no such limit");
        let flags = ["--trusted-proxy", "fd00::/8,10.0.0.0/8", "--partner-tokens", "t"];
        let config = resolve(&flags, "").unwrap();
        let printed = config.to_toml().unwrap();
        let again = resolve(&[], &printed).unwrap();
        assert_eq!(again.to_toml().unwrap(), printed);
    }
}
