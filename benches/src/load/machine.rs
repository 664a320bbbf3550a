//! What a run was made on.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::run::About;

/// The machine, its system, the commit and the command; the rest is left at its default.
#[must_use]
pub fn about() -> About {
    let uname = rustix::system::uname();
    let kernel = [uname.sysname(), uname.release()].map(|text| text.to_string_lossy().into_owned());
    About {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        commit: commit().unwrap_or_else(|| "unknown".to_owned()),
        began_at: jiff::Timestamp::now().round(jiff::Unit::Second).unwrap_or_default().to_string(),
        command: command(),
        processor: processor(&read("/proc/cpuinfo"))
            .unwrap_or_else(|| std::env::consts::ARCH.to_owned()),
        cores: cores(),
        memory_bytes: memory_bytes(&read("/proc/meminfo")).unwrap_or(0),
        kernel: kernel.join(" "),
        system: system(&read("/etc/os-release")).unwrap_or_default(),
        ..About::default()
    }
}

/// Cores that this process may use.
#[must_use]
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// As typed, the program by its name alone: where it lies is nobody's business.
fn command() -> String {
    let mut words = std::env::args();
    let program = words.next().unwrap_or_default();
    let name = Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned());
    let words: Vec<String> = name.into_iter().chain(words).collect();
    words.join(" ")
}

fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

fn memory_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find(|line| line.starts_with("MemTotal:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? * 1024)
}

fn system(os_release: &str) -> Option<String> {
    let line = os_release.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

/// Of the repository that this program was built in.
fn commit() -> Option<String> {
    let program = std::env::current_exe().ok()?;
    let git = |words: &[&str]| {
        let output =
            Command::new("git").arg("-C").arg(program.parent()?).args(words).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed = git(&["status", "--porcelain", "--untracked-files=no"])?;
    Some(if changed.is_empty() { commit } else { format!("{commit}-dirty") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_s_files_are_read() {
        let cpuinfo = "processor\t: 0\nmodel name\t: Some Processor 9 : X\ncores\t: 2\n";
        assert_eq!(processor(cpuinfo).unwrap(), "Some Processor 9 : X");
        assert_eq!(memory_bytes("MemFree: 1 kB\nMemTotal:   2048 kB\n"), Some(2 << 20));
        assert_eq!(system("ID=debian\nPRETTY_NAME=\"Debian 12\"\n").unwrap(), "Debian 12");
        assert_eq!((processor(""), memory_bytes(""), system("")), (None, None, None));
    }

    #[test]
    fn this_machine_is_known() {
        let about = about();
        assert!(about.cores > 0 && about.memory_bytes > 1 << 20, "{about:?}");
        assert!(about.kernel.starts_with("Linux ") || !cfg!(target_os = "linux"));
        assert!(!about.command.contains('/') || about.command.contains(' '), "{}", about.command);
    }
}
