//! All claims of a file: made and judged side by side, written in order.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use anyhow::{Context, ensure};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zhengcha_engine::claims::Charset;
use zhengcha_engine::testing::{ClaimsModel, Granted, Judgement, PlainCatalogue, PlainVerdict};
use zhengcha_engine::{Holds, Snapshot};

use super::draw::Draw;
use super::kind::{Kind, Mix};
use super::make::{Made, Maker};
use super::write::{self, Book, TextForm};
use super::{ClaimFormat, Wanted, Written};
use crate::progress::Progress;

/// Claims that one thread makes at a time.
const CHUNK_CLAIMS: u64 = 4_096;
/// Chunks that are made side by side.
const CHUNKS_AT_ONCE: u64 = 16;
/// Rounds of chunks that wait to be written.
const ROUNDS_WAITING_MAX: usize = 2;
/// Rows of a sheet below its header.
const SHEET_CLAIMS_MAX: u64 = 1_048_575;
/// One in so many claims of ndjson has its members in the other order.
const TURNED_ROUND: u64 = 16;

/// What the verdict on a claim is made of.
struct Row {
    kind: Kind,
    reference: String,
    judgement: Judgement,
    lines: u64,
    /// The claim itself, where it is not text already.
    made: Option<Made>,
}

/// Claims in order, with their text.
struct Chunk {
    text: Vec<u8>,
    rows: Vec<Row>,
}

/// Writes the claims, their verdicts and the summary; never over a file, and all or none of them.
///
/// # Errors
/// When the ending is none of the three, a file is there already or cannot be written, or the
/// generation is empty.
pub fn write_claims(
    snapshot: &Snapshot,
    holds: &Holds,
    wanted: &Wanted,
    progress: &dyn Progress,
) -> anyhow::Result<Written> {
    let format = ClaimFormat::of(&wanted.out).with_context(|| {
        format!("{}: claims end in .csv, .ndjson or .xlsx", wanted.out.display())
    })?;
    ensure!(
        format == ClaimFormat::Csv || wanted.charset == Charset::Utf8,
        "only csv can be in GB18030"
    );
    ensure!(
        format != ClaimFormat::Xlsx || wanted.claims <= SHEET_CLAIMS_MAX,
        "a sheet holds {SHEET_CLAIMS_MAX} claims at most; write csv or ndjson"
    );
    let summary_path = beside(&wanted.expected, ".summary.json");
    let files = [&wanted.out, &wanted.expected, &summary_path];
    for path in files {
        ensure!(!path.exists(), "{} is there already", path.display());
    }
    let temporary = files.map(|path| beside(path, ".tmp"));
    let written = write_all(snapshot, holds, wanted, format, &temporary, progress);
    let written = written.and_then(|written| {
        for (from, to) in temporary.iter().zip(files) {
            fs::rename(from, to).with_context(|| format!("{} cannot be made", to.display()))?;
        }
        Ok(written)
    });
    written.inspect_err(|_| temporary.iter().for_each(|path| drop(fs::remove_file(path))))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

fn write_all(
    snapshot: &Snapshot,
    holds: &Holds,
    wanted: &Wanted,
    format: ClaimFormat,
    [out, expected, summary]: &[PathBuf; 3],
    progress: &dyn Progress,
) -> anyhow::Result<Written> {
    let catalogue = PlainCatalogue::embedded();
    let held: Vec<String> = holds
        .emit()
        .lines()
        .filter_map(|line| line.strip_prefix("hold "))
        .map(Into::into)
        .collect();
    let which = (wanted.seed, wanted.mix, format);
    let maker = Maker::new(Draw::new(snapshot)?, &held, &catalogue, which);
    let model = ClaimsModel { snapshot, holds, catalogue: &catalogue };
    let form = TextForm { format, mix: wanted.mix, charset: wanted.charset };
    let files = Files::create(form, out, expected)?;
    progress.begin("writing claims", wanted.claims);
    let mut written = thread::scope(|scope| {
        let (send, receive) = sync_channel(ROUNDS_WAITING_MAX);
        let writer = scope.spawn(move || files.write(receive, progress));
        make_all(&maker, &model, form, wanted.claims, &send);
        drop(send);
        writer.join().map_err(|_| anyhow::anyhow!("the writing thread broke off"))?
    })?;
    written.generation = snapshot.generation();
    fs::write(summary, format!("{}\n", written.summary()))
        .with_context(|| format!("{} cannot be written", summary.display()))?;
    Ok(written)
}

type Round = Vec<anyhow::Result<Chunk>>;

fn make_all(
    maker: &Maker<'_>,
    model: &ClaimsModel<'_>,
    form: TextForm,
    claims: u64,
    send: &SyncSender<Round>,
) {
    let starts: Vec<u64> = (0..claims).step_by(CHUNK_CLAIMS as usize).collect();
    for starts in starts.chunks(CHUNKS_AT_ONCE as usize) {
        let round = starts
            .par_iter()
            .map(|&start| chunk(maker, model, form, start..claims.min(start + CHUNK_CLAIMS)))
            .collect();
        // Who writes has stopped at an error that it will tell.
        if send.send(round).is_err() {
            return;
        }
    }
}

fn chunk(
    maker: &Maker<'_>,
    model: &ClaimsModel<'_>,
    form: TextForm,
    numbers: std::ops::Range<u64>,
) -> anyhow::Result<Chunk> {
    let mut text = String::new();
    let mut rows = Vec::with_capacity(CHUNK_CLAIMS as usize);
    for number in numbers {
        let mut made = maker.make(number);
        if form.format == ClaimFormat::Ndjson
            && form.mix == Mix::All
            && number.is_multiple_of(TURNED_ROUND)
        {
            made.claim.fields.reverse();
        }
        let judgement = match made.flaw {
            Some(flaw) => PlainVerdict::invalid(flaw.reason()).into(),
            None => model.judge(&made.claim),
        };
        let lines = form.push(&made, &mut text);
        let reference = write::read_reference(&made, form.format).to_owned();
        let kind = made.kind;
        let made = (form.format == ClaimFormat::Xlsx).then_some(made);
        rows.push(Row { kind, reference, judgement, lines, made });
    }
    Ok(Chunk { text: form.encode(text)?, rows })
}

/// The two files being written.
struct Files {
    form: TextForm,
    claims: Option<File>,
    book: Option<Book>,
    verdicts: File,
}

impl Files {
    fn create(form: TextForm, out: &Path, expected: &Path) -> anyhow::Result<Self> {
        let create = |path: &Path| {
            File::create(path).with_context(|| format!("{} cannot be written", path.display()))
        };
        let book = form.format == ClaimFormat::Xlsx;
        let claims = (!book).then(|| create(out)).transpose()?;
        let book = book.then(|| Book::new(out)).transpose()?;
        Ok(Self { form, claims, book, verdicts: create(expected)? })
    }

    fn write(
        mut self,
        rounds: Receiver<Round>,
        progress: &dyn Progress,
    ) -> anyhow::Result<Written> {
        let mut written = Written::default();
        let mut kinds: HashMap<Kind, u64> = HashMap::new();
        let mut granted = Granted::default();
        let mut digest = Sha256::new();
        let mut line = self.form.head_lines() + 1;
        let mut text = write::verdict_head();
        if let Some(claims) = &mut self.claims {
            claims.write_all(&self.form.head())?;
        }
        let mut done = 0;
        for chunk in rounds.into_iter().flatten() {
            let Chunk { text: claims, rows } = chunk?;
            if let Some(file) = &mut self.claims {
                file.write_all(&claims)?;
            }
            done += rows.len() as u64;
            for Row { kind, reference, judgement, lines, made } in rows {
                if let (Some(book), Some(made)) = (&mut self.book, &made) {
                    book.push(made)?;
                }
                let verdict = granted.close(judgement);
                write::push_verdict(&mut text, &reference, &verdict, line);
                line += lines;
                *kinds.entry(kind).or_default() += 1;
                *written.verdicts.entry(verdict.verdict).or_default() += 1;
            }
            digest.update(&text);
            self.verdicts.write_all(text.as_bytes())?;
            text.clear();
            progress.advance(done);
        }
        // Without any claim the header still waits.
        digest.update(&text);
        self.verdicts.write_all(text.as_bytes())?;
        if let Some(book) = self.book.take() {
            book.finish()?;
        }
        written.kinds = kinds.into_iter().map(|(kind, count)| (kind.name(), count)).collect();
        written.digest = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(written)
    }
}
