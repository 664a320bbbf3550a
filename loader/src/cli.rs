//! The command line, as typed.

use crate::claims_synth;
use crate::judge::OrgScope;
use crate::report::{ReportFormat, ReportPathError};
use crate::space;
use crate::tiers::Target;
use crate::verify::{Kind, UnknownKind};
use bytesize::ByteSize;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::{Path, PathBuf};
use zhengcha_engine::Date;

/// Reads certificate upload files, judges every row, compiles and publishes snapshots.
#[derive(Debug, Parser)]
#[command(name = "zhengcha-loader", version, about, after_help = EXAMPLES)]
pub struct Cli {
    /// The store's folder.
    #[arg(
        long,
        global = true,
        env = "ZHENGCHA_STORE",
        default_value = "./store",
        value_name = "DIR"
    )]
    pub store: PathBuf,
    /// Results as JSON on standard output.
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  zhengcha-loader check upload.xlsx --org 10 --report report.xlsx
  zhengcha-loader load upload.xlsx more.dbf --org 10 --report report.json
  zhengcha-loader query --certificate-number 0101120201100058 --name 白京
  zhengcha-loader hold 0101120201100058 --reason 核查考场记录 --by 王核查
  zhengcha-loader holds
  zhengcha-loader release 0101120201100058 --reason 核查无误 --by 王核查
  zhengcha-loader verify claims.csv --out verdicts.csv
  zhengcha-loader rollback
  zhengcha-loader synth --records 1000000 --format batch --store ./invented

Exit codes: 0 done, 1 failed and nothing changed, 2 wrong usage,
            3 done but some rows were rejected.";

/// One subcommand each.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check, accept, compile and publish upload files in one go.
    Load(LoadArgs),
    /// The same judgement as `load`, changing nothing.
    Check(CheckArgs),
    /// Compile the accepted batches again, and those that wait, into a new generation.
    Compile {
        /// Make the new generation live at once.
        #[arg(long)]
        publish: bool,
        /// Memory.
        #[command(flatten)]
        memory: MemoryArg,
    },
    /// Merge all deltas of the live generation into one, or into a new base; served as before.
    Merge {
        /// What to merge into.
        #[arg(long, value_enum, default_value_t = MergeInto::Delta)]
        into: MergeInto,
        /// Memory.
        #[command(flatten)]
        memory: MemoryArg,
    },
    /// Make an existing generation live.
    Publish {
        /// Its number, see `snapshots`.
        generation: u64,
    },
    /// Make the generation before the live one live again.
    Rollback,
    /// List the generations of the store.
    Snapshots,
    /// Show the layout of a generation: manifest, segments, sections.
    Inspect {
        /// Its number; the live one without.
        generation: Option<u64>,
    },
    /// Remove old generations and the segments only they name.
    Prune {
        /// Generations to keep; the live one and the one before it always stay.
        #[arg(long, value_name = "N")]
        keep: usize,
    },
    /// Read and check everything in the store; name each damaged file.
    Fsck,
    /// Look up certificates by two of four fields.
    Query(QueryArgs),
    /// Put certificate numbers under review: within a second their records are shown nowhere.
    Hold(DecisionArgs),
    /// End the review of certificate numbers: their records are served again.
    Release(DecisionArgs),
    /// List the certificate numbers under review.
    Holds {
        /// Write the file `holds`, which servers follow, again from the ledger: the cure when it is
        /// missing or damaged.
        #[arg(long)]
        rewrite: bool,
    },
    /// Verify a file of claims: a verdict and the deduction due for each.
    Verify(VerifyArgs),
    /// Write a made-up register with real structure and no real person.
    Synth(SynthArgs),
    /// Write made-up claims on the live generation, and the verdicts they must get.
    Claims(ClaimsArgs),
}

/// What `load` and `check` share.
#[derive(Debug, Args)]
pub struct UploadArgs {
    /// Upload files: xlsx, xls, dbf, csv, jdx, or zip of these; told apart by content.
    #[arg(required = true, value_name = "FILES")]
    pub files: Vec<PathBuf>,
    /// The columns to expect; found from the headers by default.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    pub layout: LayoutArg,
    /// Write every finding to FILE (.json, .csv or .xlsx).
    #[arg(long, value_name = "FILE", value_parser = report_path)]
    pub report: Option<PathBuf>,
    /// Judge as on this day (YYYY-MM-DD); today in Asia/Shanghai by default.
    #[arg(long, value_name = "DATE", value_parser = day)]
    pub today: Option<Date>,
    /// Old registers: accept a number that already belongs to another person (`shared-number`).
    #[arg(long)]
    pub legacy: bool,
}

/// Arguments of `load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    /// Files and rules.
    #[command(flatten)]
    pub upload: UploadArgs,
    /// Leading digits of the uploading unit's 机构编码 (`10`, `1001`, up to 8), or `all`.
    #[arg(long, value_name = "CODE")]
    pub org: OrgScope,
    /// Segment to write: a delta over the live ones, a new base with all of them, or as sizes ask.
    #[arg(long, value_enum, default_value_t = Target::Auto)]
    pub into: Target,
    /// Memory.
    #[command(flatten)]
    pub memory: MemoryArg,
}

/// Memory for compiling.
#[derive(Clone, Copy, Debug, Args)]
pub struct MemoryArg {
    /// Memory for keys while a segment is compiled, such as `6GiB`; a quarter of the machine's, at most
    /// 6 GiB, by default. With less, the records are read more often.
    #[arg(long, value_name = "SIZE")]
    pub memory: Option<ByteSize>,
}

impl MemoryArg {
    /// As given, or the default for this machine.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.memory.map_or_else(space::default_memory_bytes, |size| size.as_u64())
    }
}

/// Arguments of `check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Files and rules.
    #[command(flatten)]
    pub upload: UploadArgs,
    /// Leading digits of the uploading unit's 机构编码, or `all`.
    #[arg(long, value_name = "CODE", default_value = "all")]
    pub org: OrgScope,
}

/// Columns of the upload files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LayoutArg {
    /// Follow the headers.
    Auto,
    /// 人社鉴发〔2013〕2号 附表.
    #[value(name = "2013")]
    L2013,
    /// 人社鉴函〔2019〕20号 附件2.
    #[value(name = "2019")]
    L2019,
}

/// What `merge` makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MergeInto {
    /// One delta: costs as much as the deltas weigh.
    Delta,
    /// A new base: costs as much as the whole register weighs.
    Base,
}

/// Arguments of `query`.
#[derive(Debug, Args)]
#[command(after_help = "Give exactly two of the four fields.")]
pub struct QueryArgs {
    /// 证件号码.
    #[arg(long, value_name = "V")]
    pub id_number: Option<String>,
    /// 证书编号.
    #[arg(long, value_name = "V")]
    pub certificate_number: Option<String>,
    /// 准考证号.
    #[arg(long, value_name = "V")]
    pub ticket_number: Option<String>,
    /// 姓名.
    #[arg(long, value_name = "V")]
    pub name: Option<String>,
    /// Show every field unmasked.
    #[arg(long)]
    pub full: bool,
}

/// Arguments of `hold` and `release`.
#[derive(Debug, Args)]
#[command(after_help = "All the numbers are changed or, if one cannot be, none. Works beside a \
                        running load or merge.")]
pub struct DecisionArgs {
    /// 证书编号, in any spelling that a query may have.
    #[arg(value_name = "CERTIFICATE_NUMBER", required_unless_present = "from")]
    pub numbers: Vec<String>,
    /// More numbers: a text file with one a line.
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Why; kept in the ledger, shown to no asker.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    pub reason: String,
    /// Who decided it; kept in the ledger.
    #[arg(long, value_name = "NAME", value_parser = person)]
    pub by: String,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
#[command(after_help = "\
Claims: columns or members ref, id_number, certificate_number, ticket_number, name (at least two of these
four), issue_date, occupation_name, issuer, institution, level, tax_year; CSV and xlsx also by their Chinese
titles. Verdicts: match, mismatch, not_found, under_review, invalid; FILE.summary.json counts them.
While it runs, verdicts lie in FILE.part; FILE is there only when it is whole.
Exit code 3 when some claims were invalid.")]
pub struct VerifyArgs {
    /// File of claims: .csv, .ndjson, .json (an array) or .xlsx.
    #[arg(value_name = "CLAIMS", value_parser = verify_path)]
    pub claims: PathBuf,
    /// File of verdicts to write, of any of these kinds; never over one that is there.
    #[arg(long, value_name = "FILE", value_parser = verify_path)]
    pub out: PathBuf,
    /// Go on with a run for the same FILE that was killed.
    #[arg(long)]
    pub resume: bool,
    /// Charset of a CSV of claims; found from its content by default.
    #[arg(long, value_enum)]
    pub charset: Option<CharsetArg>,
    /// Charset of a CSV of verdicts; that of the claims by default.
    #[arg(long, value_enum)]
    pub out_charset: Option<CharsetArg>,
    /// Milliseconds between two places from which a run can go on; for tests.
    #[arg(long, hide = true, default_value_t = 2000)]
    pub save_interval_ms: u64,
    /// Threads that judge; one per core by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

/// Charset of a CSV file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CharsetArg {
    /// UTF-8, with or without a byte order mark.
    #[value(name = "utf-8")]
    Utf8,
    /// GB 18030, of which GBK is a part.
    #[value(name = "gb18030")]
    Gb18030,
}

/// Arguments of `synth`.
#[derive(Debug, Args)]
pub struct SynthArgs {
    /// Certificates to invent.
    #[arg(long, value_name = "N")]
    pub records: u64,
    /// The same seed gives the same certificates.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// Folder to write files to; with `--format batch` the store takes its place.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Kind of files, or `batch`: accepted batches in the store, waiting for `compile`.
    #[arg(long, value_enum, default_value_t = SynthFormatArg::Csv)]
    pub format: SynthFormatArg,
    /// Columns of files; `auto` is 2013.
    #[arg(long, value_enum, default_value_t = LayoutArg::Auto)]
    pub layout: LayoutArg,
}

/// Arguments of `claims`.
#[derive(Debug, Args)]
#[command(after_help = claims_synth::shares_text())]
pub struct ClaimsArgs {
    /// Claims to write.
    #[arg(long, value_name = "N")]
    pub claims: u64,
    /// The same seed gives the same claims on the same generation.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// File for the claims: .csv, .ndjson or .xlsx.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// File for the expected verdicts, csv; its summary goes beside it.
    #[arg(long, value_name = "FILE")]
    pub expected: PathBuf,
    /// Which claims, in the shares below.
    #[arg(long, value_enum, default_value_t = MixArg::Tax)]
    pub mix: MixArg,
    /// Encoding of the claims; gb18030 for csv alone.
    #[arg(long, value_enum, default_value_t = CharsetArg::Utf8)]
    pub charset: CharsetArg,
}

/// Shares of the claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MixArg {
    /// As a tax authority has them.
    Tax,
    /// In normal form alone: no other spelling, no bad line.
    Plain,
    /// Everything there is, the rare often.
    All,
}

/// Flags that do not go together, where that takes more than one to see.
#[derive(Debug, thiserror::Error)]
#[error("{0}; see `--help`")]
pub struct UsageError(pub &'static str);

/// What `synth` writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SynthFormatArg {
    /// Text, UTF-8 with BOM.
    Csv,
    /// dBase III, GBK.
    Dbf,
    /// Office Open XML.
    Xlsx,
    /// Accepted batches in the store.
    Batch,
}

/// A path whose ending names a format: a wrong one must show before anything is read or written.
fn report_path(text: &str) -> Result<PathBuf, ReportPathError> {
    ReportFormat::of(Path::new(text)).map(|_| PathBuf::from(text))
}

/// Longest reason of a decision.
const REASON_CHARS_MAX: usize = 500;
/// Longest name of who decided.
const PERSON_CHARS_MAX: usize = 100;

fn reason(text: &str) -> Result<String, String> {
    words(text, REASON_CHARS_MAX)
}

fn person(text: &str) -> Result<String, String> {
    words(text, PERSON_CHARS_MAX)
}

/// Text for the ledger, without what would make a list of it unreadable.
fn words(text: &str, chars_max: usize) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("must say something".to_owned());
    }
    if text.chars().any(char::is_control) {
        return Err("must be one line without control characters".to_owned());
    }
    if text.chars().count() > chars_max {
        return Err(format!("must have at most {chars_max} characters"));
    }
    Ok(text.to_owned())
}

fn day(text: &str) -> Result<Date, &'static str> {
    Date::parse_iso(text).ok_or("not a day of the form YYYY-MM-DD")
}

/// A path whose ending names a kind of claims and verdicts.
fn verify_path(text: &str) -> Result<PathBuf, UnknownKind> {
    Kind::of(Path::new(text)).map(|_| PathBuf::from(text))
}
