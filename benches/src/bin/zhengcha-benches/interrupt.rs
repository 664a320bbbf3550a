//! Ctrl-C: the server that was brought up ends with the kit.

use std::thread;

use anyhow::Context;
use zhengcha_benches::load::service::Process;

/// As shells have it for a program that was interrupted.
const EXIT_CODE: i32 = 130;

/// From now on an interruption ends this process too.
pub(crate) fn ends_with(process: Process) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("no runtime for signals")?;
    thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            process.terminate();
            eprintln!("interrupted: the server was ended, no report was written");
            std::process::exit(EXIT_CODE);
        }
    });
    Ok(())
}
