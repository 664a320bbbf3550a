//! `synth`: a made-up register as upload files, or as accepted batches.

use super::Outcome;
use crate::cli::{LayoutArg, SynthArgs, SynthFormatArg, UsageError};
use crate::generation::OpenStore;
use crate::output::Output;
use crate::progress::{Bar, Progress};
use crate::synth::{SynthFormat, TableLayout, Wanted, batches, synth};
use serde_json::json;
use std::path::Path;
use zhengcha_engine::Store;

/// Writes the register where it was asked for; never over a file.
pub(super) fn run(store: &Store, args: &SynthArgs, output: &Output) -> anyhow::Result<Outcome> {
    let wanted = Wanted::new(args.records, args.seed);
    let format = match args.format {
        SynthFormatArg::Csv => SynthFormat::Csv,
        SynthFormatArg::Dbf => SynthFormat::Dbf,
        SynthFormatArg::Xlsx => SynthFormat::Xlsx,
        SynthFormatArg::Batch => {
            if args.out.is_some() {
                let text = "--format batch writes to the store: give --store instead of --out";
                return Err(UsageError(text).into());
            }
            if args.layout != LayoutArg::Auto {
                return Err(UsageError("--layout is about files, not batches").into());
            }
            return write_batches(store, &wanted, output);
        }
    };
    let Some(out) = &args.out else {
        return Err(UsageError("--out is missing: the folder to write files to").into());
    };
    write_files(out, &wanted, format, args.layout, output)
}

fn write_files(
    out: &Path,
    wanted: &Wanted,
    format: SynthFormat,
    layout: LayoutArg,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let layout = match layout {
        LayoutArg::Auto | LayoutArg::L2013 => TableLayout::Of2013,
        LayoutArg::L2019 => TableLayout::Of2019,
    };
    let bar = Bar::default();
    let summary = synth(wanted, out, format, layout, &bar);
    bar.finish();
    let summary = summary?;
    let files: Vec<String> = summary.files.iter().map(|path| path.display().to_string()).collect();
    output.print(&json!({ "records": summary.records, "files": files }), || {
        let mut text: String = files.iter().map(|file| format!("{file}\n")).collect();
        text.push_str(&format!("{} invented certificates\n", summary.records));
        text
    })?;
    Ok(Outcome::Done)
}

fn write_batches(store: &Store, wanted: &Wanted, output: &Output) -> anyhow::Result<Outcome> {
    batches::ensure_room(store, wanted)?;
    let mut open = OpenStore::open_or_make(store)?;
    let bar = Bar::default();
    let made = batches::synth_batches(&mut open, wanted, &bar);
    bar.finish();
    let names = made?;
    output.print(&json!({ "records": wanted.records, "batches": names }), || {
        let mut text: String = names.iter().map(|name| format!("{name}\n")).collect();
        text.push_str(&format!(
            "{} invented certificates wait; `compile --publish` takes them in\n",
            wanted.records
        ));
        text
    })?;
    Ok(Outcome::Done)
}
