//! Writes `data-samples/` again: `cargo run -p zhengcha-benches --bin make_samples [DIR]`.

use std::path::PathBuf;

fn main() -> anyhow::Result<()> {
    let project = concat!(env!("CARGO_MANIFEST_DIR"), "/../data-samples");
    let out = std::env::args_os().nth(1).map_or_else(|| PathBuf::from(project), PathBuf::from);
    zhengcha_benches::samples::write(&out)
}
