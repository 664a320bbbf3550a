//! `synth`: a made-up register as upload files.

use super::Outcome;
use crate::cli::{LayoutArg, SynthArgs, SynthFormatArg};
use crate::output::Output;
use crate::synth::{SynthFormat, TableLayout, synth};
use serde_json::json;

/// Writes the files; refuses to write over one.
pub(super) fn run(args: &SynthArgs, output: &Output) -> anyhow::Result<Outcome> {
    let format = match args.format {
        SynthFormatArg::Csv => SynthFormat::Csv,
        SynthFormatArg::Dbf => SynthFormat::Dbf,
        SynthFormatArg::Xlsx => SynthFormat::Xlsx,
    };
    let layout = match args.layout {
        LayoutArg::Auto | LayoutArg::L2013 => TableLayout::Of2013,
        LayoutArg::L2019 => TableLayout::Of2019,
    };
    let summary = synth(args.records, args.seed, &args.out, format, layout)?;
    let files: Vec<String> = summary.files.iter().map(|path| path.display().to_string()).collect();
    output.print(&json!({ "records": summary.records, "files": files }), || {
        let mut text: String = files.iter().map(|file| format!("{file}\n")).collect();
        text.push_str(&format!("{} invented certificates\n", summary.records));
        text
    })?;
    Ok(Outcome::Done)
}
