//! The batches: which rows stand in which file.

use std::iter::Peekable;

use zhengcha_engine::testing::{Generator, resident_id};
use zhengcha_engine::{Certificate, Date, IdType};
use zhengcha_loader::synth::{TableLayout, Value};

use super::sheet::{BROKEN_TEXT, Container, Sheet, reject, warn};

/// Everything follows from this.
const SEED: u64 = 20_190_416;

/// Every table, in the order of their names.
pub(super) fn all() -> Vec<Sheet> {
    vec![
        jiangsu(),
        guangdong(),
        hunan(),
        shandong(),
        sichuan(),
        tobacco(),
        xinjiang_spring(),
        xinjiang_autumn(),
        zhejiang(),
    ]
}

/// The person of README and demo: invented, with a certificate number that never changes.
pub(super) fn known_person() -> Certificate {
    let birth = day(1985, 6, 15);
    Certificate {
        name: "王小明".into(),
        gender: Some(1),
        birth_date: Some(birth),
        education: Some(93),
        issue_date: Some(day(2012, 5, 18)),
        certificate_number: "1210010000388888".into(),
        id_number: resident_id(320_102, birth, 1),
        id_type: IdType::Resident,
        ticket_number: "201205008888".into(),
        occupation_code: "6-04-01-01".into(),
        occupation_name: "车工".into(),
        level: Some(3),
        theory_score: Some(848),
        skill_score: Some(858),
        review_score: None,
        grade: Some(3),
        institution: "南京市职业技能鉴定指导中心".into(),
        issuer: String::new(),
    }
}

/// A later certificate of the same person, from another unit.
pub(super) fn second_certificate() -> Certificate {
    Certificate {
        issue_date: Some(day(2018, 11, 9)),
        certificate_number: "1819010000288888".into(),
        ticket_number: "201811006666".into(),
        occupation_code: "6-31-01-03".into(),
        occupation_name: "电工".into(),
        level: Some(2),
        theory_score: Some(790),
        skill_score: Some(815),
        review_score: Some(823),
        grade: Some(2),
        institution: "广东省职业技能鉴定指导中心".into(),
        issuer: "广东省人力资源和社会保障厅".into(),
        ..known_person()
    }
}

fn day(year: u16, month: u8, day: u8) -> Date {
    Date::new(year, month, day).expect("a day written here by hand")
}

/// Certificates of a unit and some years whose holders have a resident identity number and whose
/// blank fields are few, so that every change below meets what it expects.
struct Source(Peekable<Box<dyn Iterator<Item = Certificate>>>);

impl Source {
    fn new(unit: &str, first: u16, last: u16) -> Self {
        let number = unit.bytes().fold(SEED, |seed, byte| seed * 31 + u64::from(byte));
        let certificates = Generator::new(number).unit(unit).years(first, last).sixteen_digits();
        let plain = certificates.filter(|certificate| {
            certificate.id_type == IdType::Resident && certificate.gender.is_some()
        });
        let plain: Box<dyn Iterator<Item = Certificate>> = Box::new(plain);
        Self(plain.peekable())
    }

    fn next(&mut self) -> Certificate {
        self.0.next().expect("the generator goes on")
    }

    /// The next one with a short Hanzi name.
    fn short_name(&mut self) -> Certificate {
        loop {
            let certificate = self.next();
            if (2..=3).contains(&certificate.name.chars().count()) {
                return certificate;
            }
        }
    }

    fn good(&mut self, sheet: &mut Sheet, count: usize) {
        for _ in 0..count {
            sheet.good(&self.next());
        }
    }
}

fn jiangsu() -> Sheet {
    let mut sheet = Sheet::new(
        "01-jiangsu-2013.xlsx",
        Container::Xlsx,
        TableLayout::Of2013,
        "a workbook with the mistakes spreadsheets make",
    );
    let mut source = Source::new("10", 2009, 2014);
    sheet.special(&known_person(), "the person to ask for", &[], |_| {});
    source.good(&mut sheet, 8);
    sheet.special(
        &source.short_name(),
        "identity number kept as a number: its last digits are gone",
        &[reject("id_number", "id-numeric")],
        |cells| cells.set("身份证号", Value::Number(320_102_198_506_150_000.0)),
    );
    source.good(&mut sheet, 4);
    sheet.special(
        &source.short_name(),
        "a formula instead of a score",
        &[reject("theory_score", "formula")],
        |cells| cells.set("理论知识考试成绩", Value::Formula("80+4.8".into())),
    );
    sheet.special(
        &source.short_name(),
        "a day that no calendar has",
        &[reject("issue_date", "date")],
        |cells| cells.text("发证日期", "2013-02-30"),
    );
    sheet.special(
        &source.short_name(),
        "a bare serial number instead of a date",
        &[reject("issue_date", "date")],
        |cells| cells.set("发证日期", Value::Number(41_414.0)),
    );
    source.good(&mut sheet, 3);
    sheet.special(&source.short_name(), "no name", &[reject("name", "missing")], |cells| {
        cells.clear("姓名");
    });
    sheet.special(
        &source.short_name(),
        "more than a hundred points",
        &[reject("skill_score", "score")],
        |cells| cells.set("操作技能考核成绩", Value::Number(100.5)),
    );
    sheet.special(
        &source.short_name(),
        "two mistakes in one row: no such sex, no such schooling",
        &[reject("gender", "code"), reject("education", "code")],
        |cells| {
            cells.text("性别", "5");
            cells.text("文化程度", "7");
        },
    );
    sheet.special(&source.short_name(), "dates as text in another form", &[], |cells| {
        cells.edit("发证日期", |date| date.replace('-', "/"));
        cells.edit("出生日期", |date| date.replace('-', ""));
    });
    source.good(&mut sheet, 6);
    sheet
}

fn guangdong() -> Sheet {
    let mut sheet = Sheet::new(
        "02-guangdong-2019.xlsx",
        Container::Xlsx,
        TableLayout::Of2019,
        "all fields as characters, 鉴定中心 and 发证机关, other documents",
    );
    let mut source = Source::new("19", 2018, 2020);
    source.good(&mut sheet, 5);
    sheet.special(&second_certificate(), "a second certificate of 王小明", &[], |_| {});
    sheet.special(
        &source.short_name(),
        "an occupation that left the catalogue in 2017",
        &[reject("occupation_name", "catalogue")],
        |cells| cells.text("职业资格名称", "心理咨询师"),
    );
    sheet.special(
        &source.short_name(),
        "no 发证机关, which this layout asks for",
        &[reject("issuer", "missing")],
        |cells| cells.clear("发证机关"),
    );
    source.good(&mut sheet, 4);
    sheet.special(
        &source.short_name(),
        "issued in the future",
        &[reject("issue_date", "date-order")],
        |cells| cells.text("发证日期", "2027-03-01"),
    );
    sheet.special(
        &of_level(&mut source, 4),
        "the level column says 五级, the number says 四级",
        &[warn("level", "level-mismatch")],
        |cells| cells.text("等级", "五级"),
    );
    sheet.special(&of_level(&mut source, 3), "the level in words", &[], |cells| {
        cells.text("等级", "三级/高级工");
        cells.text("评定成绩", "合格");
        cells.text("文化程度", "大学专科");
    });
    let foreigner = Certificate {
        name: "ANNA MARIA SCHMIDT".into(),
        id_number: "C01X00T47".into(),
        id_type: IdType::Passport,
        ..source.short_name()
    };
    sheet.special(&foreigner, "a passport and a name in Latin letters", &[], |_| {});
    let soldier = Certificate {
        id_number: "军字第0123456号".into(),
        id_type: IdType::Military,
        ..source.short_name()
    };
    sheet.special(&soldier, "an officer's card: Hanzi in the number", &[], |_| {});
    source.good(&mut sheet, 5);
    sheet
}

fn of_level(source: &mut Source, level: u8) -> Certificate {
    loop {
        let certificate = source.short_name();
        if certificate.level == Some(level) {
            return certificate;
        }
    }
}

fn hunan() -> Sheet {
    let mut sheet = Sheet::new(
        "03-hunan-2013.xls",
        Container::Xls,
        TableLayout::Of2013,
        "an old register in the old workbook format: 15-digit identity numbers",
    );
    let mut source = Source::new("18", 2000, 2004);
    for _ in 0..6 {
        sheet.special(&source.next(), "15-digit identity number", &[], |cells| {
            cells.edit("身份证号", fifteen_digits);
        });
    }
    sheet.special(
        &source.next(),
        "15-digit identity number kept as a number: no digit is lost",
        &[],
        |cells| {
            let mut digits = String::new();
            cells.edit("身份证号", |id| {
                digits = fifteen_digits(id);
                String::new()
            });
            cells.set("身份证号", Value::Number(digits.parse().expect("fifteen digits")));
        },
    );
    sheet.special(
        &source.next(),
        "certificate number kept as a number: its leading zero is restored",
        &[warn("certificate_number", "leading-zero-restored")],
        |cells| {
            let mut number = 0.0;
            cells.edit("证书编号", |text| {
                number = text.parse().expect("sixteen digits");
                String::new()
            });
            cells.set("证书编号", Value::Number(number));
        },
    );
    source.good(&mut sheet, 5);
    sheet.special(
        &source.short_name(),
        "last character of the identity number wrong",
        &[reject("id_number", "id-number")],
        |cells| cells.edit("身份证号", wrong_check),
    );
    sheet.special(
        &source.short_name(),
        "birth date of another year than the identity number",
        &[reject("birth_date", "birth-date-mismatch")],
        |cells| cells.set("出生日期", Value::Date(day(1950, 1, 1))),
    );
    sheet.special(
        &source.short_name(),
        "sex of the other kind than the identity number: a warning, for both may be right",
        &[warn("gender", "gender-id-mismatch")],
        |cells| cells.edit("性别", |code| if code == "1" { "2" } else { "1" }.to_owned()),
    );
    sheet.special(
        &source.short_name(),
        "certificate number of another year than the date",
        &[warn("certificate_number", "year-mismatch")],
        |cells| cells.edit("证书编号", |number| format!("96{}", &number[2..])),
    );
    source.good(&mut sheet, 4);
    sheet
}

fn fifteen_digits(id: &str) -> String {
    if id.len() == 18 { format!("{}{}", &id[..6], &id[8..17]) } else { id.to_owned() }
}

fn wrong_check(id: &str) -> String {
    let wrong = if id.ends_with('1') { "2" } else { "1" };
    format!("{}{wrong}", &id[..id.len() - 1])
}

fn shandong() -> Sheet {
    let mut sheet = Sheet::new(
        "04-shandong-2013.csv",
        Container::CsvUtf8,
        TableLayout::Of2013,
        "text in UTF-8: padding, full-width digits, rows that come twice, tickets left out",
    );
    let mut source = Source::new("15", 2010, 2016);
    source.good(&mut sheet, 4);
    for _ in 0..2 {
        sheet.special(&source.short_name(), "name padded with a full-width space", &[], |cells| {
            cells.edit("姓名", |name| {
                let (first, rest) = name.split_at(name.chars().next().map_or(0, char::len_utf8));
                format!("{first}\u{3000}{rest}")
            });
        });
    }
    sheet.special(&source.short_name(), "full-width digits, blanks around", &[], |cells| {
        cells.edit("证书编号", |number| number.chars().map(full_width).collect());
        cells.edit("身份证号", |id| format!(" {id} "));
    });
    for _ in 0..3 {
        sheet.special(&source.next(), "no ticket", &[], |cells| cells.clear("准考证号"));
    }
    let twice = source.short_name();
    sheet.good(&twice);
    sheet.special(
        &twice,
        "the row before once more",
        &[warn("certificate_number", "repeated")],
        |_| {},
    );
    let differing = source.short_name();
    for occupation in ["车工", "铣工"] {
        sheet.special(
            &differing,
            "one certificate number, two occupations: both rows are refused",
            &[reject("certificate_number", "duplicate")],
            |cells| cells.text("职业名称", occupation),
        );
    }
    source.good(&mut sheet, 3);
    sheet.special(
        &source.short_name(),
        "a name that a spreadsheet would run",
        &[reject("name", "formula")],
        |cells| cells.text("姓名", "=cmd()"),
    );
    sheet.special(
        &source.short_name(),
        "a sign that no certificate number has",
        &[reject("certificate_number", "certificate-number")],
        |cells| cells.edit("证书编号", |number| format!("{}#{}", &number[..10], &number[11..])),
    );
    let recent = Certificate {
        issue_date: Some(day(2026, 11, 6)),
        certificate_number: "2615020000500001".into(),
        ..source.short_name()
    };
    sheet.special(&recent, "issued within the thirty days: not `late`", &[], |_| {});
    source.good(&mut sheet, 4);
    sheet
}

fn full_width(c: char) -> char {
    match c {
        '!'..='~' => char::from_u32(c as u32 + 0xFEE0).unwrap_or(c),
        _ => c,
    }
}

fn sichuan() -> Sheet {
    let mut sheet = Sheet::new(
        "05-sichuan-2019-gb18030.csv",
        Container::CsvGb18030,
        TableLayout::Of2019,
        "text in GB18030: rare Hanzi, long names, separators",
    );
    let mut source = Source::new("23", 2018, 2019);
    source.good(&mut sheet, 4);
    let named =
        |source: &mut Source, name: &str| Certificate { name: name.into(), ..source.short_name() };
    sheet.special(&named(&mut source, "李䶮"), "a Hanzi outside GBK", &[], |_| {});
    sheet.special(&named(&mut source, "张𠮷"), "a Hanzi outside the basic plane", &[], |_| {});
    sheet.special(&named(&mut source, "扎西•多吉"), "another separator than `·`", &[], |_| {});
    sheet.special(
        &named(&mut source, "阿不都克里木·阿不都热合曼"),
        "26 bytes: more than the 20 of 2013, less than the 50 of 民委发〔2016〕33号",
        &[warn("name", "long-name")],
        |_| {},
    );
    sheet.special(
        &named(&mut source, &"阿不都热合曼·".repeat(4)),
        "56 bytes",
        &[reject("name", "too-long")],
        |_| {},
    );
    source.good(&mut sheet, 3);
    sheet.special(
        &source.short_name(),
        "identity number in scientific notation",
        &[reject("id_number", "id-numeric")],
        |cells| cells.text("证件号码", "5.10105E+17"),
    );
    sheet.special(
        &source.short_name(),
        "评定成绩 不合格: no certificate",
        &[reject("grade", "not-qualified")],
        |cells| cells.text("评定成绩", "不合格"),
    );
    let away = Certificate {
        id_number: resident_id(519_999, day(1990, 3, 7), 1),
        gender: Some(1),
        birth_date: Some(day(1990, 3, 7)),
        ..source.short_name()
    };
    sheet.special(
        &away,
        "an address code that no list has",
        &[warn("id_number", "unknown-region")],
        |_| {},
    );
    source.good(&mut sheet, 5);
    sheet
}

fn tobacco() -> Sheet {
    let mut sheet = Sheet::new(
        "06-tobacco-2013.dbf",
        Container::Dbf,
        TableLayout::Of2013,
        "a table of an industry: short column names, GBK without a mark of it",
    );
    let mut source = Source::new("72", 2008, 2015);
    source.good(&mut sheet, 8);
    sheet.special(
        &source.short_name(),
        "bytes that are no text",
        &[reject("name", "undecodable")],
        |cells| cells.text("姓名", BROKEN_TEXT),
    );
    sheet.special(
        &source.short_name(),
        "30 February in a date column",
        &[reject("issue_date", "date")],
        |cells| cells.text("发证日期", "20130230"),
    );
    sheet.special(
        &source.short_name(),
        "no body named",
        &[reject("institution", "missing")],
        |cells| cells.clear("职业技能鉴定机构名称"),
    );
    sheet.special(
        &source.short_name(),
        "评定成绩 1: no certificate",
        &[reject("grade", "not-qualified")],
        |cells| cells.text("评定成绩", "1"),
    );
    sheet.special(
        &source.short_name(),
        "a unit code that no list has",
        &[warn("certificate_number", "unknown-issuer-code")],
        |cells| cells.edit("证书编号", |number| format!("{}95{}", &number[..2], &number[4..])),
    );
    source.good(&mut sheet, 7);
    sheet
}

fn xinjiang_spring() -> Sheet {
    let mut sheet = Sheet::new(
        "07-xinjiang.zip/2016-05.csv",
        Container::CsvUtf8,
        TableLayout::Of2013,
        "an archive, first file: names with separators",
    );
    let mut source = Source::new("31", 2016, 2016);
    source.good(&mut sheet, 18);
    sheet.special(
        &source.short_name(),
        "last character of the identity number wrong",
        &[reject("id_number", "id-number")],
        |cells| cells.edit("身份证号", wrong_check),
    );
    sheet
}

fn xinjiang_autumn() -> Sheet {
    let mut sheet = Sheet::new(
        "07-xinjiang.zip/2016-11.dbf",
        Container::Dbf,
        TableLayout::Of2013,
        "an archive, second file",
    );
    let mut source = Source::new("31", 2015, 2015);
    source.good(&mut sheet, 16);
    sheet.special(
        &source.short_name(),
        "no occupation",
        &[reject("occupation_name", "missing")],
        |cells| cells.clear("职业名称"),
    );
    sheet
}

fn zhejiang() -> Sheet {
    let mut sheet = Sheet::new(
        "08-zhejiang.jdx",
        Container::CsvUtf8,
        TableLayout::Of2013,
        "a file of the 考务管理系统 whose content is text; several certificates of one person",
    );
    let mut source = Source::new("11", 2005, 2012);
    source.good(&mut sheet, 10);
    let person = source.short_name();
    sheet.special(&person, "a person with three certificates", &[], |_| {});
    for sequence in [77_001, 77_002] {
        let another = Certificate {
            certificate_number: format!("{}{sequence}", &person.certificate_number[..11]),
            occupation_name: if sequence == 77_001 { "钳工" } else { "铣工" }.into(),
            occupation_code: String::new(),
            ..person.clone()
        };
        sheet.special(&another, "the same person again", &[], |_| {});
    }
    sheet.special(
        &source.short_name(),
        "issued before the holder was born",
        &[reject("issue_date", "date-order")],
        |cells| cells.set("发证日期", Value::Date(day(1930, 1, 1))),
    );
    source.good(&mut sheet, 6);
    sheet
}
