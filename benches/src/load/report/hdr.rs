//! Latencies for other tools: HdrHistogram interval logs and plain percentile text.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::interval_log::{IntervalLogWriterBuilder, Tag};
use hdrhistogram::serialization::{Deserializer, V2DeflateSerializer};

use super::super::run::{Phase, Run};

/// All latencies of a phase; `None` when none were kept.
pub(super) fn of(phase: &Phase) -> anyhow::Result<Option<Histogram<u64>>> {
    if phase.hdr.is_empty() {
        return Ok(None);
    }
    let name = || format!("phase {}: hdr", phase.name);
    let bytes = STANDARD.decode(&phase.hdr).with_context(name)?;
    let histogram = Deserializer::new()
        .deserialize(&mut bytes.as_slice())
        .map_err(|error| anyhow!("{}: {error}", name()))?;
    Ok(Some(histogram))
}

/// The log of one phase: microseconds, one interval.
pub(super) fn log(run: &Run, phase: &Phase, histogram: &Histogram<u64>) -> anyhow::Result<Vec<u8>> {
    let mut log = Vec::new();
    let mut serializer = V2DeflateSerializer::new();
    let mut builder = IntervalLogWriterBuilder::new();
    let comment = format!("{}: latencies in microseconds from the moment due", phase.name);
    builder.add_comment(&comment.replace('\n', " "));
    if let Ok(began) = run.about.began_at.parse::<jiff::Timestamp>() {
        let since = Duration::from_millis(u64::try_from(began.as_millisecond()).unwrap_or(0));
        let began = SystemTime::UNIX_EPOCH + since;
        builder.with_start_time(began).with_base_time(began);
    }
    let mut writer = builder.begin_log_with(&mut log, &mut serializer)?;
    let tag = file_name(&phase.name);
    let (from, length) = (duration(phase.began_s), duration(phase.seconds));
    writer
        .write_histogram(histogram, from, length, Tag::new(&tag))
        .map_err(|error| anyhow!("phase {}: {error}", phase.name))?;
    Ok(log)
}

/// Percentiles as HdrHistogram's own programs print and plot them, in milliseconds.
pub(super) fn percentiles(histogram: &Histogram<u64>) -> String {
    let mut text = format!(
        "{:>12} {:>14} {:>10} {:>14}\n\n",
        "Value", "Percentile", "TotalCount", "1/(1-Percentile)"
    );
    for step in histogram.iter_quantiles(5) {
        let share = step.quantile_iterated_to();
        let value = step.value_iterated_to() as f64 / 1e3;
        let count = histogram.count_between(0, step.value_iterated_to());
        let _ = write!(text, "{value:12.3} {share:2.12} {count:10}");
        let _ = match share < 1.0 {
            true => writeln!(text, " {:14.2}", 1.0 / (1.0 - share)),
            false => writeln!(text),
        };
    }
    let _ = writeln!(
        text,
        "#[Mean    = {:12.3}, StdDeviation   = {:12.3}]\n\
         #[Max     = {:12.3}, Total count    = {:12}]",
        histogram.mean() / 1e3,
        histogram.stdev() / 1e3,
        histogram.max() as f64 / 1e3,
        histogram.len(),
    );
    text
}

/// Writes both files of every phase that kept its latencies, into the folder.
pub(super) fn write(run: &Run, folder: &Path) -> anyhow::Result<Vec<std::path::PathBuf>> {
    let mut written = Vec::new();
    for phase in &run.phases {
        let Some(histogram) = of(phase)? else { continue };
        let name = file_name(&phase.name);
        let files = [
            (format!("{name}.hdr"), log(run, phase, &histogram)?),
            (format!("{name}.hgrm"), percentiles(&histogram).into_bytes()),
        ];
        for (name, content) in files {
            let path = folder.join(name);
            std::fs::write(&path, content).with_context(|| path.display().to_string())?;
            written.push(path);
        }
    }
    Ok(written)
}

/// The name of a phase as the name of a file: letters, digits and hyphens.
pub(super) fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let name = name.trim_start_matches('.');
    if name.is_empty() { "phase".to_owned() } else { name.to_owned() }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::fixture;
    use super::*;
    use hdrhistogram::serialization::interval_log::{IntervalLogIterator, LogEntry};

    #[test]
    fn a_log_reads_back_with_every_latency() {
        let run = fixture::run();
        let phase = &run.phases[1];
        let histogram = of(phase).unwrap().unwrap();
        assert_eq!(histogram.len(), phase.total.right);
        let log = log(&run, phase, &histogram).unwrap();
        let entries: Vec<LogEntry> = IntervalLogIterator::new(&log).map(Result::unwrap).collect();
        assert!(entries.iter().any(|entry| matches!(entry, LogEntry::BaseTime(_))));
        let [LogEntry::Interval(interval)] = entries
            .iter()
            .filter(|entry| matches!(entry, LogEntry::Interval(_)))
            .collect::<Vec<_>>()[..]
        else {
            panic!("one interval");
        };
        assert_eq!(interval.tag().unwrap().as_str(), phase.name);
        assert_eq!(interval.start_timestamp().as_secs_f64(), phase.began_s);
        let bytes = STANDARD.decode(interval.encoded_histogram()).unwrap();
        let back: Histogram<u64> = Deserializer::new().deserialize(&mut &bytes[..]).unwrap();
        assert_eq!(back, histogram);
        for share in [0.5, 0.99, 0.999, 1.0] {
            assert_eq!(back.value_at_quantile(share), histogram.value_at_quantile(share));
        }
    }

    #[test]
    fn percentile_text_ends_with_all_answers() {
        let run = fixture::run();
        let histogram = of(&run.phases[0]).unwrap().unwrap();
        let text = percentiles(&histogram);
        assert!(text.contains(&format!("Total count    = {:12}]", histogram.len())), "{text}");
        let last = text.lines().rfind(|line| line.contains("1.000000000000")).unwrap();
        assert!(last.contains(&histogram.len().to_string()), "{last}");
    }

    #[test]
    fn a_damaged_histogram_names_its_phase() {
        for hdr in ["???", "AAAA"] {
            let phase = Phase { name: "steady".into(), hdr: hdr.into(), ..Phase::default() };
            let error = format!("{:#}", of(&phase).unwrap_err());
            assert!(error.contains("steady"), "{error}");
        }
        assert!(of(&Phase::default()).unwrap().is_none());
    }

    #[test]
    fn names_of_files_stay_inside_their_folder() {
        assert_eq!(file_name("knee-3"), "knee-3");
        assert_eq!(file_name("../../etc/x y"), "-..-etc-x-y");
        assert_eq!(file_name(""), "phase");
    }
}
