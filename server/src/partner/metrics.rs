//! What Prometheus reads of the partner listener. Labels are names from the partners file and fixed
//! lists, never anything a client sends.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use zhengcha_engine::claims::Verdict;

use super::account::{Account, Moment};
use super::cut::Cut;
use super::door::Refusal;
use super::service::Desk;
use super::tokens::Name;

/// Collects at each scrape.
pub struct Scrape {
    /// What is counted.
    pub desk: Arc<Desk>,
}

impl fmt::Debug for Scrape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Scrape of the partner listener")
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ClaimLabels {
    partner: String,
    verdict: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct PartnerLabels {
    partner: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let desk = &self.desk;
        let accounts = desk.accounts.all();
        self.encode_claims(&mut encoder, &accounts)?;
        let now = Moment::now();
        let by_partner = [
            ("partner_claims_today", "Claims of this day, Asia/Shanghai", {
                fn today(account: &Account, now: Moment) -> i64 {
                    i64::try_from(account.claims_today(now)).unwrap_or(i64::MAX)
                }
                today as fn(&Account, Moment) -> i64
            }),
            ("partner_streams", "Streams of claims that run", |account, _| account.streams()),
            (
                "partner_misses_high",
                "1 while more than a fifth of a partner's claims of the last day are not found",
                |account, now| i64::from(account.misses_are_high(now)),
            ),
        ];
        for (name, help, value) in by_partner {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (partner, account) in &accounts {
                let labels = PartnerLabels { partner: partner.to_string() };
                ConstGauge::new(value(account, now)).encode(family.encode_family(&labels)?)?;
            }
        }
        let help = "Requests of partners turned away at the door";
        let mut family =
            encoder.encode_descriptor("partner_refused", help, None, MetricType::Counter)?;
        for (refusal, reason) in Refusal::ALL {
            let labels = ReasonLabels { reason };
            let counter = ConstCounter::new(desk.door.refused(refusal));
            counter.encode(family.encode_family(&labels)?)?;
        }
        let help = "Streams of claims that were broken off";
        let mut family =
            encoder.encode_descriptor("partner_streams_cut", help, None, MetricType::Counter)?;
        for (cut, reason) in Cut::ALL {
            let labels = ReasonLabels { reason };
            ConstCounter::new(desk.cuts.of(cut)).encode(family.encode_family(&labels)?)?;
        }
        let help = "TLS handshakes of partners that failed";
        let descriptor = encoder.encode_descriptor(
            "partner_handshake_failures",
            help,
            None,
            MetricType::Counter,
        )?;
        ConstCounter::new(desk.handshake_failures.load(Relaxed)).encode(descriptor)?;
        for (name, help, value) in [
            (
                "partner_connections",
                "Open connections of partners",
                i64::try_from(desk.gate.open()).unwrap_or(i64::MAX),
            ),
            (
                "partner_door_open",
                "1 while the partners file can be read",
                i64::from(desk.door.is_open()),
            ),
        ] {
            let descriptor = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(descriptor)?;
        }
        Ok(())
    }
}

impl Scrape {
    fn encode_claims(
        &self,
        encoder: &mut DescriptorEncoder,
        accounts: &[(Name, Arc<Account>)],
    ) -> fmt::Result {
        let help = "Claims and queries of partners";
        let mut family =
            encoder.encode_descriptor("partner_claims", help, None, MetricType::Counter)?;
        for (partner, account) in accounts {
            let counts = account.verdicts();
            for verdict in Verdict::ALL {
                let labels = ClaimLabels { partner: partner.to_string(), verdict: verdict.name() };
                let counter = ConstCounter::new(counts.of(verdict));
                counter.encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
