//! What a server must keep to while it is asked.

use crate::load::run::{Generator, Summary};

/// Of so many questions one may fail.
const FAILED_OF: u64 = 1000;

/// What must hold at a rate that a server is said to carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Objective {
    /// 99 of 100 answers are there within it, from the moment the question was due.
    pub p99_us: u64,
}

/// Why it did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Miss {
    /// `p99`, `failures` or `generator`.
    pub(super) by: &'static str,
    /// In words.
    pub(super) reason: String,
}

impl Objective {
    /// What was missed, if anything was.
    pub(super) fn miss(&self, summary: &Summary, generator: &Generator) -> Option<Miss> {
        let miss = self.of_server(summary)?;
        // Whatever was missed is no fault of the server when questions did not leave in time.
        Some(match &generator.bottleneck {
            Some(bottleneck) => {
                Miss { by: "generator", reason: format!("{}; {bottleneck}", miss.reason) }
            }
            None => miss,
        })
    }

    fn of_server(&self, summary: &Summary) -> Option<Miss> {
        if summary.wrong > 0 {
            let reason = format!("{} answers were wrong", summary.wrong);
            return Some(Miss { by: "failures", reason });
        }
        if summary.due == 0 {
            return Some(Miss { by: "failures", reason: "nothing was asked".to_owned() });
        }
        if summary.due.saturating_sub(summary.right) * FAILED_OF > summary.due {
            let reason = format!("{:.2} % of the questions failed", 100.0 * summary.failed_share());
            return Some(Miss { by: "failures", reason });
        }
        (summary.p99_us > self.p99_us).then(|| Miss {
            by: "p99",
            reason: format!(
                "p99 was {:.1} ms, above {:.1} ms",
                summary.p99_us as f64 / 1e3,
                self.p99_us as f64 / 1e3
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_to_miss_it_has_its_name() {
        let objective = Objective { p99_us: 5000 };
        let good = Summary { due: 1000, right: 1000, p99_us: 5000, ..Summary::default() };
        let by = |summary: &Summary, bottleneck: Option<&str>| {
            let bottleneck = bottleneck.map(str::to_owned);
            let generator = Generator { bottleneck, ..Generator::default() };
            objective.miss(summary, &generator).map(|miss| miss.by)
        };
        assert_eq!(by(&good, None), None);
        assert_eq!(by(&good, Some("late")), None, "kept all the same");
        assert_eq!(by(&Summary { p99_us: 5001, ..good.clone() }, None), Some("p99"));
        assert_eq!(by(&Summary { p99_us: 5001, ..good.clone() }, Some("late")), Some("generator"));
        assert_eq!(by(&Summary { right: 998, ..good.clone() }, None), Some("failures"));
        assert_eq!(by(&Summary { right: 999, ..good.clone() }, None), None);
        assert_eq!(by(&Summary { wrong: 1, ..good.clone() }, None), Some("failures"));
        assert_eq!(by(&Summary::default(), None), Some("failures"));
    }
}
