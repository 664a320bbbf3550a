//! Certificates to upload files, and back to what the register must then hold.

use crate::synth::csv::{CsvEncoding, CsvWriter};
use crate::synth::dbf::DbfWriter;
use crate::synth::xls::XlsWriter;
use crate::synth::xlsx::XlsxWriter;
use crate::synth::{TableLayout, TableWriter, columns, values};
use anyhow::ensure;
use std::fs::File;
use std::path::Path;
use zhengcha_engine::testing::{pair, sort};
use zhengcha_engine::{Certificate, Date, Field, IdType, Mode, Query, Snapshot};

/// Every way to write an upload file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadKind {
    /// UTF-8 text with a byte order mark.
    Csv,
    /// GB18030 text.
    CsvGb18030,
    /// dBase III.
    Dbf,
    /// BIFF8 workbook.
    Xls,
    /// Office Open XML workbook.
    Xlsx,
}

impl UploadKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Csv, Self::CsvGb18030, Self::Dbf, Self::Xls, Self::Xlsx];

    /// The usual ending of a file name.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv | Self::CsvGb18030 => "csv",
            Self::Dbf => "dbf",
            Self::Xls => "xls",
            Self::Xlsx => "xlsx",
        }
    }
}

/// Writes an upload file of these certificates, in their order.
///
/// # Errors
/// When the file cannot be written or a certificate does not fit the format.
pub fn write_upload<'c>(
    path: &Path,
    kind: UploadKind,
    layout: TableLayout,
    certificates: impl IntoIterator<Item = &'c Certificate>,
) -> anyhow::Result<()> {
    let columns = columns(layout);
    let file = || File::options().read(true).write(true).create(true).truncate(true).open(path);
    let mut table: Box<dyn TableWriter> = match kind {
        UploadKind::Csv => Box::new(CsvWriter::new(file()?, CsvEncoding::Utf8Bom, columns)?),
        UploadKind::CsvGb18030 => Box::new(CsvWriter::new(file()?, CsvEncoding::Gb18030, columns)?),
        UploadKind::Dbf => Box::new(DbfWriter::new(file()?, columns)?),
        UploadKind::Xls => Box::new(XlsWriter::new(file()?, columns)?),
        UploadKind::Xlsx => Box::new(XlsxWriter::new(path, columns)?),
    };
    for certificate in certificates {
        table.row(&values(certificate, layout))?;
    }
    table.finish()
}

/// What the register holds of a certificate delivered in a layout: the table of 2013 has no column
/// for the issuer, that of 2019 asks for one; a blank birth date follows from an ID number of 18.
/// Not modelled: without a column for the kind of document, some passports read as permits.
#[must_use]
pub fn as_loaded(certificate: &Certificate, layout: TableLayout) -> Certificate {
    let issuer = match layout {
        TableLayout::Of2013 => String::new(),
        TableLayout::Of2019 if certificate.issuer.is_empty() => certificate.institution.clone(),
        TableLayout::Of2019 => certificate.issuer.clone(),
    };
    let birth_date = certificate.birth_date.or_else(|| birth_in(certificate));
    Certificate { issuer, birth_date, ..certificate.clone() }
}

/// Digits 7 to 14 of a number of GB 11643-1999.
fn birth_in(certificate: &Certificate) -> Option<Date> {
    let built_so = matches!(
        certificate.id_type,
        IdType::Resident | IdType::ResidencePermit | IdType::ForeignerPermanentResident
    );
    let number = &certificate.id_number;
    let part = |range| number.get::<std::ops::Range<usize>>(range)?.parse::<u16>().ok();
    if !built_so || number.len() != 18 {
        return None;
    }
    Date::new(part(6..10)?, part(10..12)? as u8, part(12..14)? as u8)
}

/// Checks that a snapshot serves exactly these certificates: as many, each with every field right
/// through every mode it can be asked in, nothing under another's keys.
///
/// # Errors
/// Naming the first mode and certificate number that differ.
pub fn ensure_serves(snapshot: &Snapshot, certificates: &[Certificate]) -> anyhow::Result<()> {
    let served = snapshot.records();
    ensure!(served == certificates.len() as u64, "{served} records, not {}", certificates.len());
    for certificate in certificates {
        for mode in Mode::ALL {
            let (first, second) = mode.fields();
            let asks_ticket = [first, second].contains(&Field::TicketNumber);
            if asks_ticket && certificate.ticket_number.is_empty() {
                continue;
            }
            let (first, second) = pair(certificate, mode);
            let mut found: Vec<Certificate> = snapshot
                .lookup(Query::new(mode, &first, &second))
                .map(|view| view.to_certificate())
                .collect();
            sort(&mut found);
            let number = &certificate.certificate_number;
            let asked = (first, second);
            let right = found.iter().all(|other| pair(other, mode) == asked);
            let mode = mode.name();
            ensure!(
                found.contains(certificate),
                "mode {mode}: {number}: found {found:?}, not {certificate:?}"
            );
            ensure!(right, "mode {mode}: {number}: found what was not asked for");
        }
    }
    Ok(())
}
