//! Private servers: on a socket in the run's own folder, ended with the peer.

use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take to answer, and to end before it is killed.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(super) struct Server {
    child: Child,
}

/// An account of the system to run as.
#[derive(Clone, Copy)]
pub(super) struct Account {
    user: u32,
    group: u32,
}

/// The account of this name when we are root, which some servers refuse to run as; else none is needed.
pub(super) fn account(name: &str) -> anyhow::Result<Option<Account>> {
    if !rustix::process::geteuid().is_root() {
        return Ok(None);
    }
    let text = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let line = text.lines().find(|line| line.split(':').next() == Some(name));
    let mut fields = line.with_context(|| format!("no account {name}"))?.split(':').skip(2);
    let mut number = || fields.next().and_then(|field| field.parse().ok());
    let (user, group) = (number(), number());
    Ok(Some(Account { user: user.context("no user number")?, group: group.context("no group")? }))
}

/// Hands a folder to an account, and lets it pass through the folder above.
pub(super) fn hand_over(folder: &Path, account: Option<Account>) -> anyhow::Result<()> {
    if let Some(Account { user, group }) = account {
        std::os::unix::fs::chown(folder, Some(user), Some(group))?;
        if let Some(above) = folder.parent() {
            std::fs::set_permissions(above, Permissions::from_mode(0o711))?;
        }
    }
    Ok(())
}

/// A command as an account, its output in a file beside the data.
pub(super) fn command(
    program: &Path,
    account: Option<Account>,
    folder: &Path,
) -> anyhow::Result<Command> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(program);
    command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    if let Some(Account { user, group }) = account {
        command.uid(user).gid(group);
    }
    Ok(command)
}

/// The program of this name on the path or in one of the folders.
pub(super) fn program(name: &str, folders: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders
        .iter()
        .cloned()
        .chain(std::env::split_paths(&path))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
        .with_context(|| format!("{name} is not installed"))
}

impl Server {
    /// Starts a server and waits until `connect` succeeds.
    pub(super) fn start<T>(
        mut command: Command,
        connect: impl Fn() -> anyhow::Result<T>,
    ) -> anyhow::Result<(Self, T)> {
        let child = command.spawn().context("starting the server")?;
        let mut server = Self { child };
        let start = Instant::now();
        loop {
            match connect() {
                Ok(connected) => return Ok((server, connected)),
                Err(error) if start.elapsed() > PATIENCE => return Err(error),
                Err(_) => std::thread::sleep(Duration::from_millis(20)),
            }
            if let Some(status) = server.child.try_wait()? {
                anyhow::bail!("the server ended with {status}; see its log");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::INT);
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
