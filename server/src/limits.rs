//! Every limit of the server: one list that makes the settings, the flags, the file keys and the
//! defaults, so that none of them can be forgotten or named differently.
//!
//! A limit is a whole number of at least 1 with its unit in its name.

use std::time::Duration;

use clap::Args;
use serde::{Deserialize, Serialize};

/// The most bytes a public request body may have. Four fields of at most 32 characters fit many times.
pub const BODY_BYTES_MAX: usize = 8 * 1024;
/// The most bytes of request line and headers together.
pub const HEAD_BYTES_MAX: usize = 8 * 1024;
/// The most headers of a request.
pub const HEADERS_MAX: usize = 64;
/// The read buffer of a connection: a head and a body of the largest size.
pub const READ_BUFFER_BYTES_MAX: usize = HEAD_BYTES_MAX + BODY_BYTES_MAX;
/// Connections the kernel may queue before they are accepted.
pub const BACKLOG_CONNECTIONS: i32 = 1024;

macro_rules! limits {
    ($( $(#[doc = $doc:literal])+ $name:ident = $default:literal, $env:literal; )*) => {
        /// The effective limits.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize)]
        pub struct Limits { $( $(#[doc = $doc])+ pub $name: u64, )* }

        impl Default for Limits {
            fn default() -> Self {
                Self { $( $name: $default, )* }
            }
        }

        /// Limits as typed on the command line or set in the environment.
        #[derive(Clone, Debug, Default, Args)]
        #[command(next_help_heading = "Limits")]
        pub struct LimitFlags {
            $( $(#[doc = $doc])+
               #[arg(long, env = $env, value_name = "N", hide_short_help = true,
                     help = concat!($($doc,)+ " [default: ", $default, "]"))]
               pub $name: Option<u64>, )*
        }

        /// The `[limits]` table of the settings file.
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct LimitFile { $( $(#[doc = $doc])+ pub $name: Option<u64>, )* }

        impl Limits {
            /// Names and defaults, in the order of the list.
            pub const DEFAULTS: &'static [(&'static str, u64)] =
                &[ $( (stringify!($name), $default), )* ];

            /// Flags over file over defaults; the name of the first limit that is zero as error.
            pub fn resolve(flags: &LimitFlags, file: &LimitFile) -> Result<Self, &'static str> {
                let resolved = Self {
                    $( $name: flags.$name.or(file.$name).unwrap_or($default), )*
                };
                $( if resolved.$name == 0 { return Err(stringify!($name)); } )*
                Ok(resolved)
            }
        }
    };
}

limits! {
    /// Open connections on the public listener in total
    connections_max = 4096, "ZHENGCHA_CONNECTIONS_MAX";
    /// Open connections from one address (IPv6: from one /64); trusted proxies are exempt
    connections_per_address_max = 256, "ZHENGCHA_CONNECTIONS_PER_ADDRESS_MAX";
    /// Requests that may wait for the rest of their body at one time
    requests_waiting_max = 1024, "ZHENGCHA_REQUESTS_WAITING_MAX";
    /// Milliseconds for a request head, from its first byte
    header_timeout_ms = 5_000, "ZHENGCHA_HEADER_TIMEOUT_MS";
    /// Milliseconds for a request body, from the end of its head
    body_timeout_ms = 8_000, "ZHENGCHA_BODY_TIMEOUT_MS";
    /// Milliseconds for a request from its first byte to its answer
    request_timeout_ms = 12_000, "ZHENGCHA_REQUEST_TIMEOUT_MS";
    /// Milliseconds a connection may stay silent between requests, and before its first
    idle_timeout_ms = 15_000, "ZHENGCHA_IDLE_TIMEOUT_MS";
    /// Milliseconds a client has to take an answer that does not fit the socket buffer
    write_timeout_ms = 8_000, "ZHENGCHA_WRITE_TIMEOUT_MS";
    /// Milliseconds that running requests get at a stop
    drain_timeout_ms = 10_000, "ZHENGCHA_DRAIN_TIMEOUT_MS";
    /// Queries a minute that one address (IPv6: one /64) may keep up
    address_queries_per_minute = 120, "ZHENGCHA_ADDRESS_QUERIES_PER_MINUTE";
    /// Queries that one address may make at once after a pause
    address_queries_burst = 60, "ZHENGCHA_ADDRESS_QUERIES_BURST";
    /// Wrong guesses an hour that one number (any address) may take
    target_misses_per_hour = 10, "ZHENGCHA_TARGET_MISSES_PER_HOUR";
    /// Wrong guesses that one number may take at once after a pause
    target_misses_burst = 10, "ZHENGCHA_TARGET_MISSES_BURST";
    /// Open connections on the partner listener in total
    partner_connections_max = 256, "ZHENGCHA_PARTNER_CONNECTIONS_MAX";
    /// Open connections on the partner listener from one address; trusted proxies are exempt
    partner_connections_per_address_max = 64, "ZHENGCHA_PARTNER_CONNECTIONS_PER_ADDRESS_MAX";
    /// Streams of claims that run at one time
    partner_streams_max = 16, "ZHENGCHA_PARTNER_STREAMS_MAX";
    /// Streams of claims that one partner may run at one time
    partner_streams_per_partner_max = 4, "ZHENGCHA_PARTNER_STREAMS_PER_PARTNER_MAX";
    /// Milliseconds after which a stream that neither sends nor takes anything is closed
    stream_stall_timeout_ms = 60_000, "ZHENGCHA_STREAM_STALL_TIMEOUT_MS";
    /// Milliseconds a stream may go on in a generation that has been replaced
    stream_old_generation_ms_max = 600_000, "ZHENGCHA_STREAM_OLD_GENERATION_MS_MAX";
    /// Milliseconds between two looks at the store
    refresh_interval_ms = 200, "ZHENGCHA_REFRESH_INTERVAL_MS";
}

/// The time limits of a connection, ready for use.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// For a request head.
    pub header: Duration,
    /// For a request body.
    pub body: Duration,
    /// For a request in all.
    pub request: Duration,
    /// Between requests.
    pub idle: Duration,
    /// For taking an answer.
    pub write: Duration,
}

impl Limits {
    /// The time limits of a connection.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        Timeouts {
            header: Duration::from_millis(self.header_timeout_ms),
            body: Duration::from_millis(self.body_timeout_ms),
            request: Duration::from_millis(self.request_timeout_ms),
            idle: Duration::from_millis(self.idle_timeout_ms),
            write: Duration::from_millis(self.write_timeout_ms),
        }
    }

    /// The time limits of a connection of a partner, where every step forward counts anew.
    #[must_use]
    pub fn partner_timeouts(&self) -> Timeouts {
        Timeouts { write: Duration::from_millis(self.stream_stall_timeout_ms), ..self.timeouts() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_the_file_over_defaults() {
        let flags = LimitFlags { header_timeout_ms: Some(1), ..LimitFlags::default() };
        let file = LimitFile {
            header_timeout_ms: Some(2),
            body_timeout_ms: Some(3),
            ..LimitFile::default()
        };
        let limits = Limits::resolve(&flags, &file).unwrap();
        assert_eq!((limits.header_timeout_ms, limits.body_timeout_ms), (1, 3));
        assert_eq!(limits.idle_timeout_ms, Limits::default().idle_timeout_ms);
    }

    #[test]
    fn a_limit_of_zero_is_refused_by_name() {
        let flags = LimitFlags { connections_max: Some(0), ..LimitFlags::default() };
        assert_eq!(Limits::resolve(&flags, &LimitFile::default()), Err("connections_max"));
    }

    #[test]
    fn default_timeouts_close_every_slow_connection_within_twenty_seconds() {
        let timeouts = Limits::default().timeouts();
        for timeout in
            [timeouts.header, timeouts.body, timeouts.request, timeouts.idle, timeouts.write]
        {
            assert!(timeout < Duration::from_secs(20));
        }
        assert!(timeouts.request <= Duration::from_secs(15));
    }
}
