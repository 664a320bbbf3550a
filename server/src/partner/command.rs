//! `zhengcha-server token`: adds, lists and revokes partners.
//!
//! Promises that the file is replaced whole or not at all, that two commands at one time do not undo
//! each other, and that a token is printed once and kept nowhere.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use rustix::fs::FlockOperation;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::account::today;
use super::tokens::{Book, Credential, Name, PARTNERS_MAX, Partner, fingerprint, hex, make_token};
use crate::cidr::Cidr;

/// What only the owner may read and write.
const OWNER_ONLY: u32 = 0o600;

/// What is done with the partners of a file.
#[derive(Clone, Debug, Subcommand)]
pub enum TokenCommand {
    /// Add a partner and print its token, which is shown this once and kept nowhere
    Add(AddArgs),
    /// List the partners; no token can be shown any more
    List(ListArgs),
    /// Remove a partner; running servers refuse it within a second and end its streams
    Revoke(RevokeArgs),
}

/// Which file.
#[derive(Clone, Debug, Args)]
pub struct TokensFile {
    /// The file of partners
    #[arg(long, env = "ZHENGCHA_PARTNER_TOKENS", value_name = "FILE")]
    pub tokens: PathBuf,
}

/// A new partner.
#[derive(Clone, Debug, Args)]
pub struct AddArgs {
    /// Its name: up to 32 of a-z, 0-9 and -; stands in logs and metrics
    #[arg(value_name = "NAME")]
    pub name: Name,
    /// The file of partners; made, readable by its owner alone, when there is none
    #[command(flatten)]
    pub file: TokensFile,
    /// The last day on which it may ask (Asia/Shanghai) [default: no end]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub expires: Option<Date>,
    /// Claims it may have judged a day (Asia/Shanghai) [default: any number]
    #[arg(long, value_name = "CLAIMS")]
    pub daily_quota: Option<u64>,
    /// From where it may ask, as address or range; may be repeated [default: anywhere]
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub address: Vec<Cidr>,
    /// Its client certificate (PEM) in place of a token; prints the SHA-256 of it
    #[arg(long, value_name = "CERT.pem")]
    pub certificate: Option<PathBuf>,
}

/// How partners are listed.
#[derive(Clone, Debug, Args)]
pub struct ListArgs {
    /// The file of partners.
    #[command(flatten)]
    pub file: TokensFile,
    /// For machines
    #[arg(long)]
    pub json: bool,
}

/// A partner that may not ask any more.
#[derive(Clone, Debug, Args)]
pub struct RevokeArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    pub name: Name,
    /// The file of partners.
    #[command(flatten)]
    pub file: TokensFile,
}

/// Runs one command; what it has to say goes to `out`.
pub fn run(command: &TokenCommand, out: &mut impl Write) -> anyhow::Result<()> {
    match command {
        TokenCommand::Add(args) => add(args, out),
        TokenCommand::List(args) => list(args, out),
        TokenCommand::Revoke(args) => revoke(args),
    }
}

fn add(args: &AddArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let path = &args.file.tokens;
    let certificate = args.certificate.as_deref().map(read_certificate).transpose()?;
    let _lock = lock_folder(path)?;
    let mut book = if path.exists() { Book::read(path)? } else { Book::new()? };
    if book.find(&args.name).is_some() {
        bail!("there is a partner {} already; revoke it first, or take another name", args.name);
    }
    if book.partners().len() >= PARTNERS_MAX {
        bail!("{} has {PARTNERS_MAX} partners already; revoke some first", path.display());
    }
    let (credential, shown) = match certificate {
        Some(der) => {
            let fingerprint = fingerprint(&der);
            if book.by_certificate(&der).is_some() {
                bail!("this certificate belongs to a partner already");
            }
            (Credential::Certificate(fingerprint), hex(&fingerprint))
        }
        None => {
            let token = make_token()?;
            (Credential::Token(book.hash_of(&token)), token)
        }
    };
    book.add(Partner {
        name: args.name.clone(),
        credential,
        created: today(),
        expires: args.expires,
        daily_quota: args.daily_quota,
        addresses: args.address.clone(),
    });
    replace(path, &book)?;
    let printed = writeln!(out, "{shown}").and_then(|()| out.flush());
    if let Err(error) = printed {
        // A token that nobody has seen must not stay valid.
        book.revoke(&args.name);
        replace(path, &book)?;
        return Err(error).context("cannot print the token; the partner was not added");
    }
    Ok(())
}

fn list(args: &ListArgs, out: &mut impl Write) -> anyhow::Result<()> {
    let book = Book::read(&args.file.tokens)?;
    if args.json {
        let partners: Vec<_> = book.partners().iter().map(|partner| described(partner)).collect();
        let document = serde_json::json!({ "partners": partners });
        return Ok(writeln!(out, "{document}")?);
    }
    for partner in book.partners() {
        let kind = match partner.credential {
            Credential::Token(_) => "token",
            Credential::Certificate(_) => "certificate",
        };
        write!(out, "{:<32} {kind:<11} added {}", partner.name.as_str(), partner.created)?;
        if let Some(last) = partner.expires {
            let word = if partner.is_expired(today()) { "expired" } else { "until" };
            write!(out, ", {word} {last}")?;
        }
        if let Some(quota) = partner.daily_quota {
            write!(out, ", {quota} claims a day")?;
        }
        if !partner.addresses.is_empty() {
            let addresses: Vec<_> = partner.addresses.iter().map(Cidr::to_string).collect();
            write!(out, ", from {}", addresses.join(" "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn described(partner: &Partner) -> serde_json::Value {
    let certificate = match &partner.credential {
        Credential::Token(_) => None,
        Credential::Certificate(hash) => Some(hex(hash)),
    };
    serde_json::json!({
        "name": partner.name.as_str(),
        "credential": if certificate.is_some() { "certificate" } else { "token" },
        "certificate_sha256": certificate,
        "created": partner.created.to_string(),
        "expires": partner.expires.map(|date| date.to_string()),
        "expired": partner.is_expired(today()),
        "daily_quota": partner.daily_quota,
        "addresses": partner.addresses,
    })
}

fn revoke(args: &RevokeArgs) -> anyhow::Result<()> {
    let path = &args.file.tokens;
    let _lock = lock_folder(path)?;
    let mut book = Book::read(path)?;
    if !book.revoke(&args.name) {
        bail!("there is no partner {} in {}", args.name, path.display());
    }
    replace(path, &book)
}

fn read_certificate(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut found = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("cannot read a certificate (PEM) from {}", path.display()))?;
    if found.len() != 1 {
        let count = found.len();
        bail!("{} holds {count} certificates; give the partner's alone", path.display());
    }
    Ok(found.swap_remove(0).to_vec())
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// One command at a time in this folder, until dropped. A lock file would stay behind.
fn lock_folder(path: &Path) -> anyhow::Result<File> {
    let folder = folder_of(path);
    let lock = || -> io::Result<File> {
        let file = File::open(folder)?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)?;
        Ok(file)
    };
    lock().with_context(|| format!("cannot lock the folder {}", folder.display()))
}

/// Puts the book in place by one rename, with the owner and mode of the file before.
fn replace(path: &Path, book: &Book) -> anyhow::Result<()> {
    let text = book.emit()?;
    let mut name = path.file_name().context("the partners file has no name")?.to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let before = fs::metadata(path).ok();
        let _left_by_a_crash = fs::remove_file(&temporary);
        let mut file =
            OpenOptions::new().write(true).create_new(true).mode(OWNER_ONLY).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        if let Some(before) = before {
            // The server may run under another account, which reads the file through its group.
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
                std::os::unix::fs::fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(fs::Permissions::from_mode(before.mode() & 0o777))?;
        }
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        File::open(folder_of(path))?.sync_all()
    };
    write().with_context(|| {
        let _half = fs::remove_file(&temporary);
        format!("cannot write {}; nothing was changed", path.display())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_args(path: &Path, name: &str) -> AddArgs {
        AddArgs {
            name: name.parse().unwrap(),
            file: TokensFile { tokens: path.to_owned() },
            expires: None,
            daily_quota: None,
            address: Vec::new(),
            certificate: None,
        }
    }

    fn added(path: &Path, name: &str) -> anyhow::Result<String> {
        let mut out = Vec::new();
        run(&TokenCommand::Add(add_args(path, name)), &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_partner_comes_and_goes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partners.toml");
        let token = added(&path, "tax-bj").unwrap();
        let token = token.strip_suffix('\n').unwrap();
        assert!(!token.contains(char::is_whitespace), "alone on stdout");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, OWNER_ONLY);
        assert!(Book::read(&path).unwrap().by_token(token).is_some());
        assert!(added(&path, "tax-bj").unwrap_err().to_string().contains("revoke it first"));

        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        added(&path, "tax-sh").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640, "kept");
        let file = TokensFile { tokens: path.clone() };
        let mut listed = Vec::new();
        let args = ListArgs { file: file.clone(), json: true };
        run(&TokenCommand::List(args), &mut listed).unwrap();
        let listed: serde_json::Value = serde_json::from_slice(&listed).unwrap();
        assert_eq!(listed["partners"][1]["name"], "tax-sh");

        let revoke = TokenCommand::Revoke(RevokeArgs { name: "tax-bj".parse().unwrap(), file });
        run(&revoke, &mut io::sink()).unwrap();
        assert!(Book::read(&path).unwrap().by_token(token).is_none());
        assert!(run(&revoke, &mut io::sink()).is_err(), "gone already");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_token_that_cannot_be_printed_is_not_kept() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partners.toml");
        assert!(run(&TokenCommand::Add(add_args(&path, "a")), &mut Full).is_err());
        assert!(Book::read(&path).unwrap().partners().is_empty());
    }

    #[test]
    fn a_damaged_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("partners.toml");
        fs::write(&path, "nonsense").unwrap();
        assert!(added(&path, "a").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "nonsense");
        let link = folder.path().join("no/such/folder/tokens");
        assert!(added(&link, "a").unwrap_err().to_string().contains("no/such/folder"));
    }
}
