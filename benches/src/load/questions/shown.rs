//! A certificate as a public answer must show it: `server/docs/API.md` in code, written from that page
//! and not from the server.

use serde::Serialize;
use zhengcha_engine::{Certificate, IdType};

/// What stands for the hidden part of an identity number.
const MASK: &str = "************";

#[derive(Serialize)]
struct Answered<'c> {
    status: &'static str,
    certificate_number: &'c str,
    name: &'c str,
    gender: Option<String>,
    id_number: String,
    education: Option<String>,
    occupation_code: Option<&'c str>,
    occupation_name: Option<&'c str>,
    level: Option<String>,
    theory_score: Option<String>,
    skill_score: Option<String>,
    review_score: Option<String>,
    grade: Option<String>,
    issue_date: Option<String>,
    institution: Option<&'c str>,
    issuer: Option<&'c str>,
}

/// The JSON object of a certificate that is not under review.
pub(super) fn json(certificate: &Certificate) -> serde_json::Result<String> {
    let code = |code: Option<u8>| code.map(|code| code.to_string());
    let score =
        |tenths: Option<u16>| tenths.map(|tenths| format!("{}.{}", tenths / 10, tenths % 10));
    serde_json::to_string(&Answered {
        status: "valid",
        certificate_number: &certificate.certificate_number,
        name: &certificate.name,
        gender: code(certificate.gender),
        id_number: masked(&certificate.id_number, certificate.id_type),
        education: code(certificate.education),
        occupation_code: recorded(&certificate.occupation_code),
        occupation_name: recorded(&certificate.occupation_name),
        level: code(certificate.level),
        theory_score: score(certificate.theory_score),
        skill_score: score(certificate.skill_score),
        review_score: score(certificate.review_score),
        grade: code(certificate.grade),
        issue_date: certificate.issue_date.map(|date| date.to_string()),
        institution: recorded(&certificate.institution),
        issuer: recorded(&certificate.issuer),
    })
}

/// What is not recorded is `null`.
fn recorded(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The first six characters of a resident number (or of a permit built like one), the first two of any
/// other document, never more than half of it; then twelve stars.
fn masked(number: &str, id_type: IdType) -> String {
    let most = match id_type {
        IdType::Resident | IdType::ResidencePermit => 6,
        _ => 2,
    };
    let shown = most.min(number.chars().count() / 2);
    number.chars().take(shown).chain(MASK.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use zhengcha_engine::Date;

    #[test]
    fn the_example_of_the_interface_to_the_byte() {
        let certificate = Certificate {
            name: "白京".into(),
            gender: Some(1),
            education: Some(91),
            issue_date: Date::new(2001, 10, 22),
            certificate_number: "0101120201100058".into(),
            id_number: "11010519491231002X".into(),
            occupation_code: "6-04-01-01".into(),
            occupation_name: "车工".into(),
            level: Some(1),
            theory_score: Some(848),
            skill_score: Some(858),
            review_score: Some(823),
            grade: Some(3),
            institution: "XX市职业技能鉴定指导中心".into(),
            ..Certificate::default()
        };
        let documented = "{\"status\":\"valid\",\"certificate_number\":\"0101120201100058\",\
            \"name\":\"白京\",\"gender\":\"1\",\"id_number\":\"110105************\",\
            \"education\":\"91\",\"occupation_code\":\"6-04-01-01\",\"occupation_name\":\"车工\",\
            \"level\":\"1\",\"theory_score\":\"84.8\",\"skill_score\":\"85.8\",\
            \"review_score\":\"82.3\",\"grade\":\"3\",\"issue_date\":\"2001-10-22\",\
            \"institution\":\"XX市职业技能鉴定指导中心\",\"issuer\":null}";
        assert_eq!(json(&certificate).unwrap(), documented);
    }

    #[test]
    fn never_more_than_half_of_a_document_is_shown() {
        assert_eq!(masked("E12345678", IdType::Passport), "E1************");
        assert_eq!(masked("军字第1号", IdType::Military), "军字************");
        assert_eq!(masked("AB", IdType::Other), "A************");
        assert_eq!(masked("810000199001010012", IdType::ResidencePermit), "810000************");
    }
}
