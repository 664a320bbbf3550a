//! What comes of an upload depends on its files alone: not on threads, pieces or spilled runs.

use crate::command_support::{Place, TODAY, invented};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use zhengcha_engine::{Certificate, Date, Snapshot};
use zhengcha_loader::judge::{Judge, OrgScope};
use zhengcha_loader::progress::Silent;
use zhengcha_loader::report::{ReportFormat, summary};
use zhengcha_loader::tables::Tables;
use zhengcha_loader::upload::{self, ACCEPTED, Bounds, Request};

/// Everything that can be told of an upload, or why it was refused.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    report: [Vec<u8>; 2],
    summary: String,
    accepted: Option<Vec<u8>>,
    counts: [u64; 3],
    delivered: Vec<(String, String)>,
}

struct Upload {
    /// Where the folder of the upload is made.
    parent: PathBuf,
    files: Vec<PathBuf>,
    register: Option<Snapshot>,
    legacy: bool,
}

impl Upload {
    fn new(place: &Place, names: &[&str]) -> Self {
        let files = names.iter().map(|name| place.path(name)).collect();
        let register = Snapshot::open_current(&place.store(), None).unwrap();
        Self { parent: place.path(""), files, register, legacy: false }
    }

    fn read(&self, threads: usize, bounds: Bounds) -> Result<Told, String> {
        let folder = tempfile::tempdir_in(&self.parent).unwrap();
        let tables = Arc::new(Tables::embedded().unwrap());
        let today = Date::parse_iso(TODAY).unwrap();
        let request = Request {
            files: &self.files,
            layout: None,
            judge: &Judge::new(Arc::clone(&tables), OrgScope::All, today),
            tables: &tables,
            legacy: self.legacy,
            register: self.register.as_ref(),
            folder: Some(folder.path()),
            threads,
            bounds,
        };
        let upload = upload::read(&request, &Silent).map_err(|error| format!("{error:#}"))?;
        let report = ["r.json", "r.csv"].map(|name| {
            let path = folder.path().join(name);
            upload.report.write_file(&path, ReportFormat::of(&path).unwrap()).unwrap();
            fs::read(&path).unwrap()
        });
        for (name, _) in &upload.delivered {
            assert!(folder.path().join("files").join(name).is_file(), "{name}");
        }
        let accepted = upload.accepted.as_ref().map(|accepted| {
            assert_eq!(accepted.records, upload.stored);
            fs::read(folder.path().join(ACCEPTED)).unwrap()
        });
        Ok(Told {
            report,
            summary: summary(&upload.report),
            accepted,
            counts: [upload.stored, upload.corrections, upload.unchanged],
            delivered: upload.delivered,
        })
    }

    /// The same whatever the threads and bounds.
    #[track_caller]
    fn told(&self) -> Result<Told, String> {
        let alone = self.read(1, Bounds::default());
        for (threads, rows, findings) in
            [(2, 1 << 20, 1 << 20), (1, 700, 300), (2, 1_000, 500), (4, 333, 100), (3, 5_000, 1)]
        {
            let shared = self.read(threads, Bounds { rows, findings });
            assert!(shared == alone, "{threads} threads, {rows} rows, {findings} findings");
        }
        alone
    }
}

const HEADER: &str =
    "姓名,证书编号,身份证号,准考证号,发证日期,职业名称,职业技能鉴定机构名称,备注\r\n";

fn line(certificate: &Certificate, institution: &str, note: &str) -> String {
    let Certificate { name, certificate_number, id_number, ticket_number, .. } = certificate;
    let day = certificate.issue_date.unwrap();
    let occupation = &certificate.occupation_name;
    format!(
        "{name},{certificate_number},{id_number},{ticket_number},{day},{occupation},\
         {institution},{note}\r\n"
    )
}

/// A large file with everything in it that can be wrong with a row.
fn mixed(certificates: &[Certificate]) -> String {
    let mut text = HEADER.to_owned();
    for (number, certificate) in certificates.iter().enumerate() {
        let body = &certificate.institution;
        match number % 97 {
            3 => text += &line(certificate, &format!("\"{body}\""), "\"两\r\n行,\"\"引\"\"\""),
            11 => text += &line(certificate, "", "没有机构"),
            17 => text += "\r\n\r\n",
            23 => text += &line(certificate, "=A1", ""),
            29 => {
                text += &line(certificate, body, "");
                text += &line(certificate, body, "又一次");
            }
            31 => {
                text += &line(certificate, body, "");
                text += &line(certificate, "另一机构", "不同");
            }
            37 => text += &line(&certificates[number / 2], body, "远处重复"),
            _ => text += &line(certificate, body, ""),
        }
    }
    text
}

#[test]
fn threads_pieces_and_spilled_runs_change_nothing() {
    let certificates = invented(71, 9_000);
    let registered = [&certificates[..500], &invented(75, 150)].concat();
    let place = Place::with(&registered);
    place.write("again.csv", &registered[500..]);
    place.write_text("big.csv", mixed(&certificates[..6_000]));
    place.write("table.dbf", &certificates[5_000..8_000]);
    place.write("book.xlsx", &certificates[7_900..8_300]);
    place.write("old.xls", &certificates[8_300..8_500]);
    place.write("small.csv", &certificates[8_400..8_700]);
    // Numbers of the register in other hands.
    let stolen: Vec<Certificate> = certificates[..200]
        .iter()
        .zip(&certificates[8_700..])
        .map(|(number, person)| Certificate {
            certificate_number: number.certificate_number.clone(),
            issue_date: number.issue_date,
            level: number.level,
            ..person.clone()
        })
        .collect();
    place.write("stolen.dbf", &stolen);
    let names =
        ["again.csv", "big.csv", "table.dbf", "book.xlsx", "old.xls", "small.csv", "stolen.dbf"];
    let mut upload = Upload::new(&place, &names);
    let told = upload.told().unwrap();
    let report: serde_json::Value = serde_json::from_slice(&told.report[0]).unwrap();
    let rules: std::collections::BTreeSet<&str> = ["rejects", "warnings"]
        .into_iter()
        .flat_map(|severity| report[severity].as_array().unwrap())
        .map(|finding| finding["rule"].as_str().unwrap())
        .collect();
    for rule in ["missing", "formula", "duplicate", "repeated", "conflict", "late"] {
        assert!(rules.contains(rule), "no {rule} in {rules:?}");
    }
    assert!(told.counts.iter().all(|&count| count > 0), "{:?}", told.counts);
    upload.legacy = true;
    assert_ne!(upload.told().unwrap(), told);
}

#[test]
fn the_report_is_what_a_plain_writer_makes_of_it() {
    let place = Place::new();
    place.write_text("a.csv", mixed(&invented(72, 300)));
    let told = Upload::new(&place, &["a.csv"]).told().unwrap();
    let parsed: serde_json::Value = serde_json::from_slice(&told.report[0]).unwrap();
    assert_eq!(format!("{parsed}\n").as_bytes(), told.report[0]);
}

#[test]
fn one_large_quoted_file_is_cut_where_records_end() {
    let place = Place::new();
    let mut text = HEADER.to_owned();
    for certificate in invented(73, 6_000) {
        let body = format!("\"{}\"", certificate.institution);
        text += &line(&certificate, &body, "\"一\r\n二\n三,\"\"四\"\"\"");
    }
    place.write_text("quoted.csv", &text);
    let told = Upload::new(&place, &["quoted.csv"]).told().unwrap();
    assert_eq!(told.counts[0], 6_000);
    let report: serde_json::Value = serde_json::from_slice(&told.report[0]).unwrap();
    let last = report["warnings"].as_array().unwrap().last().unwrap();
    assert_eq!(last["row"], 1 + 5_999 * 3 + 1, "three lines a record");
}

#[test]
fn the_first_error_in_order_counts() {
    let certificates = invented(74, 4_000);
    let place = Place::new();
    let mut text = mixed(&certificates);
    place.write_text("good.csv", &text);
    let sound_lines = text.lines().count();
    text += "\"never closed\r\n";
    place.write_text("open.csv", &text);
    let mut wide = HEADER.to_owned();
    for (number, certificate) in certificates.iter().enumerate() {
        wide += &line(certificate, &certificate.institution, "");
        if number == 2_500 || number == 3_900 {
            let _ = writeln!(wide, "{}", vec!["1"; 300].join(","));
        }
    }
    place.write_text("wide.csv", wide);
    place.write("cut.dbf", &certificates);
    let mut bytes = fs::read(place.path("cut.dbf")).unwrap();
    let record = usize::from(u16::from_le_bytes([bytes[10], bytes[11]]));
    let start = usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    bytes[start + 3_333 * record] = b'x';
    place.write_text("cut.dbf", bytes);
    for (names, expected) in [
        (&["good.csv", "open.csv", "wide.csv"][..], format!("open.csv, line {}", sound_lines + 1)),
        (&["wide.csv", "open.csv"], "wide.csv, line 2503".to_owned()),
        (&["good.csv", "cut.dbf", "wide.csv", "missing.csv"], "cut.dbf, record 3334".to_owned()),
        (&["good.csv", "missing.csv", "wide.csv"], "missing.csv".to_owned()),
    ] {
        let error = Upload::new(&place, names).told().unwrap_err();
        assert!(error.contains(&expected), "{expected}: {error}");
    }
}

#[test]
fn a_file_that_changes_while_it_is_loaded_is_refused() {
    use zhengcha_loader::input::{FileRead, InputError, Limits, read_copied};
    let place = Place::new();
    place.write("a.csv", &invented(76, 50));
    let path = place.path("a.csv");
    let delivered = fs::read(&path).unwrap();
    let read = |change: &dyn Fn()| -> (Result<FileRead, InputError>, Vec<u8>) {
        let copy = tempfile::NamedTempFile::new().unwrap();
        let mut seen = crate::input_support::Seen::default();
        let file = copy.reopen().unwrap();
        let result = read_copied(&path, "a.csv", file, |_| change(), &Limits::default(), &mut seen);
        (result, fs::read(copy.path()).unwrap())
    };
    let (result, copy) = read(&|| {});
    assert_eq!(copy, delivered);
    assert_eq!(result.unwrap().bytes, delivered.len() as u64);
    let (result, _) = read(&|| {
        let mut longer = delivered.clone();
        longer.extend_from_slice(b"\r\n");
        fs::write(&path, longer).unwrap();
    });
    assert!(matches!(result, Err(InputError::Changed { .. })), "{result:?}");
}

/// Where the full disk of the test below is mounted, for the run of it inside.
const FULL_DISK: &str = "ZHENGCHA_TEST_FULL_DISK";

#[test]
fn a_disk_that_fills_up_with_temporary_files_refuses_the_upload() {
    const NAME: &str =
        "upload_parallel::a_disk_that_fills_up_with_temporary_files_refuses_the_upload";
    let place = Place::new();
    place.write("a.csv", &invented(77, 4_000));
    if let Some(disk) = std::env::var_os(FULL_DISK) {
        let bounds = Bounds { rows: 100, findings: 100 };
        let mut upload = Upload::new(&place, &["a.csv"]);
        upload.parent = PathBuf::from(&disk);
        let error = upload.read(2, bounds).unwrap_err();
        assert!(error.contains("No space left"), "{error}");
        assert_eq!(fs::read_dir(disk).unwrap().count(), 0, "something is left");
        return;
    }
    let script = format!(
        "mount -t tmpfs -o size=$1k none disk && {FULL_DISK}=$PWD/disk exec \"$2\" --exact {NAME}"
    );
    fs::create_dir(place.path("disk")).unwrap();
    let upload_kib = fs::metadata(place.path("a.csv")).unwrap().len() / 1024;
    for room_kib in [upload_kib + 16, upload_kib + 100, upload_kib + 200] {
        let mut command = std::process::Command::new("unshare");
        command.args(["-rm", "sh", "-c", &script, "sh", &room_kib.to_string()]);
        command.arg(std::env::current_exe().unwrap()).current_dir(place.path(""));
        let Ok(output) = command.output() else { return };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !text.contains("running 1 test") {
            let error = String::from_utf8_lossy(&output.stderr);
            eprintln!("left out: no file systems can be mounted here: {error}");
            return;
        }
        assert!(output.status.success(), "{room_kib} KiB: {text}");
    }
}
