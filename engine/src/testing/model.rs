//! The reference: plain sorted maps from two texts to certificates.

use crate::certificate::Certificate;
use crate::key::{Field, Mode, normalize};
use std::collections::BTreeMap;

/// Answers the six lookups the slow and obvious way.
#[derive(Default)]
pub struct Model {
    maps: [BTreeMap<(String, String), Vec<Certificate>>; 6],
}

/// The text of a field as it is matched.
#[must_use]
pub fn key_text(certificate: &Certificate, field: Field) -> String {
    match field {
        Field::IdNumber => certificate.id_number.clone(),
        Field::CertificateNumber => certificate.certificate_number.clone(),
        Field::TicketNumber => certificate.ticket_number.clone(),
        Field::Name => normalize::name_key(&certificate.name).into_owned(),
    }
}

/// The two texts a certificate is found by in a mode.
#[must_use]
pub fn pair(certificate: &Certificate, mode: Mode) -> (String, String) {
    let (first, second) = mode.fields();
    (key_text(certificate, first), key_text(certificate, second))
}

impl Model {
    /// A model of these certificates.
    pub fn new<'c>(certificates: impl IntoIterator<Item = &'c Certificate>) -> Self {
        let mut model = Self::default();
        for certificate in certificates {
            for mode in Mode::ALL {
                let pair = pair(certificate, mode);
                let (first, second) = mode.fields();
                let no_ticket = [(first, &pair.0), (second, &pair.1)]
                    .iter()
                    .any(|(field, text)| *field == Field::TicketNumber && text.is_empty());
                if !no_ticket {
                    model.maps[mode as usize].entry(pair).or_default().push(certificate.clone());
                }
            }
        }
        model
    }

    /// Every certificate that has both fields, sorted by its debug text.
    #[must_use]
    pub fn lookup(&self, mode: Mode, first: &str, second: &str) -> Vec<Certificate> {
        let key = (first.to_owned(), second.to_owned());
        let mut found = self.maps[mode as usize].get(&key).cloned().unwrap_or_default();
        sort(&mut found);
        found
    }
}

/// An order for comparing answers that promise none.
pub fn sort(certificates: &mut [Certificate]) {
    certificates.sort_by_cached_key(|certificate| format!("{certificate:?}"));
}
