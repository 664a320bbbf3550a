//! The real program in a folder of its own.

#![allow(clippy::unwrap_used, reason = "a helper of tests may stop them")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use zhengcha_engine::testing::Generator;
use zhengcha_engine::{Certificate, Snapshot, Store};
use zhengcha_loader::synth::TableLayout;
use zhengcha_loader::testing::temporary_folder;
use zhengcha_loader::testing::uploads::{UploadKind, as_loaded, write_upload};

/// A day after every invented certificate.
pub(crate) const TODAY: &str = "2026-11-24";

/// Invented certificates as the layout of 2013 brings them into the register.
pub(crate) fn invented(seed: u64, count: usize) -> Vec<Certificate> {
    let certificates = Generator::new(seed).sixteen_digits().take(count);
    certificates.map(|certificate| as_loaded(&certificate, TableLayout::Of2013)).collect()
}

/// A folder with a store and upload files; the program runs in it.
pub(crate) struct Place {
    folder: TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    /// The command as expected, or a stop that shows what it said.
    #[track_caller]
    pub(crate) fn code(self, expected: i32) -> Self {
        assert_eq!(self.code, Some(expected), "{}{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        assert!(self.err.contains(part), "no {part:?} in: {}", self.err);
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { folder: temporary_folder().unwrap() }
    }

    /// A place whose register holds these certificates.
    pub(crate) fn with(certificates: &[Certificate]) -> Self {
        let place = Self::new();
        place.write("first.csv", certificates);
        place.load("first.csv --org all").code(0);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(self.path("store"))
    }

    #[track_caller]
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot::open_current(&self.store(), None).unwrap().expect("something is live")
    }

    pub(crate) fn generation(&self) -> u64 {
        Snapshot::open_current(&self.store(), None).unwrap().map_or(0, |live| live.generation())
    }

    /// Writes an upload file of the layout of 2013; the name's ending picks the format.
    pub(crate) fn write(&self, name: &str, certificates: &[Certificate]) {
        let ending = Path::new(name).extension().unwrap().to_str();
        let kind = UploadKind::ALL.into_iter().find(|kind| Some(kind.extension()) == ending);
        write_upload(&self.path(name), kind.unwrap(), TableLayout::Of2013, certificates).unwrap();
    }

    pub(crate) fn write_text(&self, name: &str, text: impl AsRef<[u8]>) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The program with words split at spaces, ready to run.
    pub(crate) fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_zhengcha-loader"));
        command.args(words.split_whitespace()).current_dir(self.folder.path());
        command.env_remove("ZHENGCHA_STORE").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &str) -> Ran {
        ran(&mut self.command(words))
    }

    /// `load` on a fixed day.
    pub(crate) fn load(&self, words: &str) -> Ran {
        self.run(&format!("load --today {TODAY} {words}"))
    }

    /// Every file of the store with its bytes, but for the locks and the marks of verified segments,
    /// which say nothing of their own.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(&self.path("store"), &mut files);
        let marks = self.store().verified_dir();
        let is_lock = |path: &Path| path.ends_with(".lock") || path.ends_with(".holds.lock");
        files.retain(|path, _| !is_lock(path) && !path.starts_with(&marks));
        files
    }

    /// The names, within the store, of the files that a command wrote, changed or removed.
    pub(crate) fn changed_since(&self, before: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<String> {
        let after = self.files();
        let all = before.keys().chain(after.keys().filter(|path| !before.contains_key(*path)));
        all.filter(|path| before.get(*path) != after.get(*path))
            .map(|path| path.strip_prefix(self.path("store")).unwrap().display().to_string())
            .collect()
    }

    #[track_caller]
    pub(crate) fn report(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            let bytes = fs::read(&path).unwrap();
            files.insert(path, bytes);
        }
    }
}

/// Rows and rules of one severity in a report, in its order.
pub(crate) fn findings(report: &Value, severity: &str) -> Vec<(u64, String)> {
    report[severity]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["row"].as_u64().unwrap(), it["rule"].as_str().unwrap().to_owned()))
        .filter(|(_, rule)| rule != "late")
        .collect()
}
