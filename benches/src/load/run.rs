//! What came of a run, as data: everything the pages show, and the JSON file beside them.
//!
//! Times are seconds since the run began, latencies microseconds from the moment a question was due,
//! rates per second, sizes bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One run of the kit.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Run {
    /// Where, when and how.
    pub about: About,
    /// What was asked for.
    pub asked: Asked,
    /// In the order they ran.
    pub phases: Vec<Phase>,
    /// The highest rate within the objective, if it was searched for.
    pub knee: Option<Knee>,
    /// What happens above the knee.
    pub overload: Vec<Overload>,
    /// What an independent tool measured.
    pub witness: Option<Witness>,
    /// What the events cost, measured against the phase without them.
    pub costs: Vec<EventCost>,
    /// What the capacity calculator needs.
    pub constants: Option<Constants>,
    /// In words: what to be careful about when reading this run, worst first.
    pub warnings: Vec<String>,
}

/// Where, when and how a run was made.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct About {
    /// Version of the kit.
    pub version: String,
    /// Commit of the kit and, when it brought the server up, of the server; `-dirty` when changed.
    pub commit: String,
    /// RFC 3339.
    pub began_at: String,
    /// From the first phase to the last.
    pub seconds: f64,
    /// The command as typed.
    pub command: String,
    /// Of everything drawn at random.
    pub seed: u64,
    /// Model name of the processor.
    pub processor: String,
    /// Cores of this machine.
    pub cores: usize,
    /// Cores of it that the server may use; 0 when unknown.
    #[serde(default)]
    pub server_cores: usize,
    /// Memory of this machine.
    pub memory_bytes: u64,
    /// Kernel and its version.
    pub kernel: String,
    /// Name of the system.
    pub system: String,
    /// Address, and whether the kit brought it up.
    pub target: String,
    /// Whether client and server share this machine.
    pub is_shared_machine: bool,
    /// Certificates served.
    pub records: u64,
    /// Bytes of the served segments on disk; 0 when unknown.
    pub store_bytes: u64,
    /// Settings of the server that matter: threads, memory policy, limits.
    pub server: String,
    /// The stated objective for p99.
    pub objective_p99_us: u64,
    /// After which an answer is no use to its asker any more.
    pub patience_us: u64,
}

/// What was asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Asked {
    /// Different questions.
    pub questions: u64,
    /// Subjects they are about.
    pub subjects: u64,
    /// Exponent of the Zipf law by which subjects are drawn; 0 is all alike.
    pub zipf: f64,
    /// Weight of each mode, by its two letters; they add up to 1.
    pub modes: BTreeMap<String, f64>,
    /// Share of each kind: `hit`, `variant`, `one-digit`, `swapped`, `absent`; they add up to 1.
    pub kinds: BTreeMap<String, f64>,
    /// SHA-256 over all questions and right answers.
    pub digest: String,
}

/// A part of the run with one schedule.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Phase {
    /// Short and unique in the run, such as `steady` or `knee-3`.
    pub name: String,
    /// One sentence: what it is for.
    pub purpose: String,
    /// In words, such as `constant 5000/s for 30 s`.
    pub schedule: String,
    /// Most connections at one time.
    pub connections: u64,
    /// Share of questions that get a connection of their own.
    pub fresh_share: f64,
    /// Whether over TLS.
    pub is_tls: bool,
    /// Since the run began.
    pub began_s: f64,
    /// Length of the schedule.
    pub seconds: f64,
    /// The phase second by second (or finer).
    pub windows: Vec<Window>,
    /// All windows together.
    pub total: Summary,
    /// The phase cut into equal slices, each a summary: their spread is the noise.
    pub slices: Vec<Summary>,
    /// Latency at rising shares, for the percentile curve.
    pub percentiles: Vec<Percentile>,
    /// Bars of the histogram, rising.
    pub histogram: Vec<Bar>,
    /// All latencies, as an HDR histogram (V2, deflated, base64), in microseconds.
    pub hdr: String,
    /// Questions not answered right, by [`kind`](Failure).
    pub failures: BTreeMap<Failure, u64>,
    /// The first few wrong answers, without personal data: question number and what was wrong.
    pub wrong: Vec<String>,
    /// Right answers by mode.
    pub by_mode: BTreeMap<String, u64>,
    /// Right answers by kind of question.
    pub by_kind: BTreeMap<String, u64>,
    /// What happened in the middle.
    pub events: Vec<Event>,
    /// The server as it saw itself.
    pub server: Vec<ServerSample>,
    /// How the generator fared.
    pub generator: Generator,
    /// Streams of claims beside the questions.
    pub bulk: Option<Bulk>,
    /// Slow clients beside the questions.
    pub slow: Option<Slow>,
}

/// A stretch of time; questions belong to the moment at which they were due.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Window {
    /// Its beginning, since the run began.
    pub at_s: f64,
    /// The figures.
    #[serde(flatten)]
    pub summary: Summary,
}

/// Figures of some stretch of time.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Its length.
    pub seconds: f64,
    /// Questions due in it.
    pub due: u64,
    /// Answered right.
    pub right: u64,
    /// Answered right within the patience.
    pub in_time: u64,
    /// Failed in any way but a wrong answer.
    pub failed: u64,
    /// Answered wrong.
    pub wrong: u64,
    /// Latencies of right answers.
    pub p50_us: u64,
    /// …
    pub p90_us: u64,
    /// …
    pub p99_us: u64,
    /// …
    pub p999_us: u64,
    /// …
    pub max_us: u64,
    /// …
    pub mean_us: f64,
}

impl Summary {
    /// Right answers a second.
    #[must_use]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.right as f64 / self.seconds } else { 0.0 }
    }

    /// Share of what was due that was not answered right.
    #[must_use]
    pub fn failed_share(&self) -> f64 {
        if self.due == 0 { 0.0 } else { 1.0 - self.right as f64 / self.due as f64 }
    }
}

/// A point of the percentile curve.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Percentile {
    /// Share of the answers, 0 to 1.
    pub share: f64,
    /// They took no longer.
    pub us: u64,
}

/// A bar of the histogram.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Bar {
    /// From this latency on.
    pub from_us: u64,
    /// Below this one.
    pub to_us: u64,
    /// Answers.
    pub count: u64,
}

/// Why a question was not answered right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// No connection was to be had.
    Connect,
    /// The TLS handshake failed.
    Handshake,
    /// The connection broke before the answer was whole.
    Broken,
    /// No whole answer within the longest wait.
    Timeout,
    /// No connection was free within the patience of the asker: it left without having asked.
    GaveUp,
    /// 429.
    Limited,
    /// 503.
    Overloaded,
    /// Any other status but 200.
    Status,
    /// What came was no HTTP or no JSON of the known form.
    Malformed,
    /// Another answer than the truth: a certificate too many, too few, mixed or of a wrong state.
    Wrong,
}

/// Something that was done to the server in mid-run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Event {
    /// `swap`, `hold`, `release`, `restart`.
    pub what: String,
    /// When it was begun, since the run began.
    pub began_s: f64,
    /// When the command had returned.
    pub done_s: f64,
    /// When its effect was first seen in an answer or, for a restart, the first answer after it.
    pub seen_s: Option<f64>,
    /// In words: generation, certificates, what the command said when it failed.
    pub note: String,
    /// Whether it went as it should.
    pub is_ok: bool,
}

/// What one kind of event cost.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct EventCost {
    /// `swap`, `hold`, `release`, `restart`.
    pub what: String,
    /// How many were made.
    pub count: u64,
    /// p99 in the seconds from its begin until a second after it was seen.
    pub p99_during_us: u64,
    /// p99 of the quiet seconds of the same phase.
    pub p99_quiet_us: u64,
    /// Highest latency during it.
    pub max_during_us: u64,
    /// Questions that failed during it.
    pub failed: u64,
    /// Wrong answers during it.
    pub wrong: u64,
    /// From begin until its effect was seen, median.
    pub seen_after_s: Option<f64>,
}

/// The server at a moment, by its own metrics and by the system's.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ServerSample {
    /// Since the run began.
    pub at_s: f64,
    /// Requests answered so far.
    pub requests: u64,
    /// Questions looked up so far.
    pub queries: u64,
    /// Turned away so far.
    pub rejected: u64,
    /// Requests answered since the sample before at most this long after their head was complete:
    /// (bound in microseconds, requests), not cumulative; the last bound is `u64::MAX`.
    pub durations: Vec<(u64, u64)>,
    /// Open connections.
    pub connections: u64,
    /// Generation served.
    pub generation: u64,
    /// Cores in use since the sample before: 2.0 is two of them.
    pub cpu: f64,
    /// Memory that is no file.
    pub anonymous_bytes: u64,
    /// All memory in use, mapped files included.
    pub resident_bytes: u64,
    /// Page faults served from the disk since the sample before.
    pub major_faults: u64,
    /// Threads.
    pub threads: u64,
}

/// How the generator fared: whether it, and not the server, was measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Generator {
    /// Threads that send.
    pub threads: usize,
    /// Cores in use by the threads that send.
    pub cpu: f64,
    /// Largest share of one core that a sending thread used.
    pub busiest_thread: f64,
    /// How late questions were handed to a connection or to the queue for one, at shares of them.
    pub late_p50_us: u64,
    /// …
    pub late_p99_us: u64,
    /// …
    pub late_max_us: u64,
    /// Questions that waited because every connection was in use: part of their latency.
    pub waited: u64,
    /// Connections opened.
    pub opened: u64,
    /// Most in use at one time.
    pub connections_max: u64,
    /// Why the generator may have been the limit; `None` when it was not.
    pub bottleneck: Option<String>,
}

/// Streams of claims beside the questions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Bulk {
    /// At one time.
    pub streams: u64,
    /// Claims judged, all streams.
    pub claims: u64,
    /// Verdicts that were not as expected, and streams that broke.
    pub wrong: u64,
    /// Claims a second, all streams.
    pub rate: f64,
    /// What failed, in words.
    pub failure: Option<String>,
}

/// Slow clients beside the questions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Slow {
    /// Those that send a head byte by byte, at one time.
    pub heads: u64,
    /// Those that send a body byte by byte.
    pub bodies: u64,
    /// Those that take their answers byte by byte.
    pub readers: u64,
    /// How many connections of them the server ended, and how: `closed`, `408`, `503`, …
    pub ended: BTreeMap<String, u64>,
    /// Longest that one of them was let live.
    pub longest_s: f64,
}

/// The highest rate within the objective.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Knee {
    /// Steps, in the order they were tried.
    pub steps: Vec<KneeStep>,
    /// Highest rate that held in a longer run.
    pub rate: f64,
    /// What each search found: the highest rate that held.
    #[serde(default)]
    pub searches: Vec<f64>,
    /// From the lowest rate that held in any search to the highest that did not: the noise of the knee.
    pub spread: (f64, f64),
    /// p99 of the confirming run.
    pub p99_us: u64,
    /// Lowest rate that did not hold.
    pub breaks_at: f64,
    /// What gave way there: `p99`, `failures`, `rate` (fewer answers than questions) or `generator`.
    pub breaks_by: String,
    /// Server time for one question, all its threads, at the knee.
    pub server_cpu_us: f64,
    /// Generator time for one question at the knee.
    pub generator_cpu_us: f64,
}

/// One step of the search.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct KneeStep {
    /// Questions a second.
    pub rate: f64,
    /// Whether the objective held.
    pub held: bool,
    /// What came of it.
    pub summary: Summary,
    /// Why not, or empty.
    pub reason: String,
}

/// What happens above the limit.
///
/// The limit is what a closed loop reaches at that time, with everything in place that the overload is measured
/// with.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Overload {
    /// Times the limit.
    pub factor: f64,
    /// Right answers a second of the closed loop.
    pub limit: f64,
    /// Questions a second that were due.
    pub rate: f64,
    /// Right answers a second within the patience.
    pub goodput: f64,
    /// Goodput as a share of the limit.
    pub share_of_limit: f64,
    /// 503 a second.
    pub shed: f64,
    /// Askers a second that left without having been asked for.
    pub gave_up: f64,
    /// p99 of the right answers.
    pub p99_us: u64,
    /// From the end of the overload until a window is within the objective again, at half the limit; `None` when that was not seen.
    pub recovery_s: Option<f64>,
}

/// What an independent tool measured, beside the kit, by turns.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Witness {
    /// The tool and its version.
    pub tool: String,
    /// The command.
    pub command: String,
    /// Connections, both.
    pub connections: u64,
    /// Each turn: the tool's and the kit's answers a second, closed loop.
    pub rates: Vec<(f64, f64)>,
    /// Median over the turns of kit by tool.
    pub rate_ratio: f64,
    /// The tool's p50 and p99, median of the turns.
    pub tool_us: (u64, u64),
    /// The kit's.
    pub kit_us: (u64, u64),
    /// Requests that the tool says it made, and how many more the server counted.
    pub counted: (u64, u64),
    /// Whether they agree within the stated bound, in words.
    pub verdict: String,
}

/// What the capacity calculator needs, as measured.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Constants {
    /// Server time for one question, in core-microseconds.
    pub query_cpu_us: f64,
    /// The same over TLS, connections kept.
    pub query_tls_cpu_us: Option<f64>,
    /// More for a fresh connection, plain.
    pub connect_cpu_us: Option<f64>,
    /// More for a fresh connection over TLS.
    pub connect_tls_cpu_us: Option<f64>,
    /// Server time for one claim of a stream.
    pub claim_cpu_us: Option<f64>,
    /// Bytes on disk for one certificate.
    pub bytes_each: f64,
    /// Share of its cores that the server had in use at the knee.
    pub utilisation_at_knee: f64,
    /// Bytes on the wire for one question, both ways.
    pub wire_bytes: f64,
    /// Memory of the server that is no file.
    pub anonymous_bytes: u64,
}
