//! From values to HTML: what stands on each page, in askama's compiled, escaping templates.
//!
//! Promises finished bytes for any input. Field names and words come from `words`; the markup is in
//! `templates/`.

use askama::Template;
use bytes::Bytes;
use zhengcha_engine::{Date, Field, Mode};

use super::assets::ASSETS;
use super::{Card, CertificateCard, Entered, InputFault, PageContext, PageResult, words};

/// The widest input a field takes. More than a query may have, so that an over-long paste is named
/// by the answer and not cut in silence; little enough to keep the request small.
const INPUT_CHARS_MAX: usize = 128;
/// What the form needs (人社鉴发〔2013〕2号 第四条).
const FIELDS_NEEDED: usize = 2;

/// What the frame around every page needs.
struct Frame {
    style: &'static str,
    script: &'static str,
    icon: &'static str,
    generation: Option<u64>,
    as_of: Option<Date>,
}

impl Frame {
    fn new(context: &PageContext) -> Self {
        Self {
            style: &ASSETS.style.path,
            script: &ASSETS.script.path,
            icon: &ASSETS.icon.path,
            generation: context.generation,
            as_of: context.as_of,
        }
    }

    fn as_of_text(&self) -> String {
        self.as_of.map(words::date).unwrap_or_default()
    }
}

/// One input of the form.
struct Input<'a> {
    id: &'static str,
    label: &'static str,
    hint: &'static str,
    value: &'a str,
    fault: Option<String>,
}

impl Input<'_> {
    fn chars_max(&self) -> usize {
        INPUT_CHARS_MAX
    }

    fn described_by(&self) -> String {
        match self.fault {
            Some(_) => format!("{id}-fault {id}-hint", id = self.id),
            None => format!("{}-hint", self.id),
        }
    }
}

/// One line of the error summary, leading to the field to correct.
struct Fault {
    target: &'static str,
    text: String,
}

/// What stands above the form.
enum Notice {
    None,
    /// Something to correct.
    Faults(Vec<Fault>),
    /// Nothing found, and by which fields it was looked for.
    NotFound(String),
    /// No answer for now.
    Later {
        heading: &'static str,
        text: String,
    },
}

#[derive(Template)]
#[template(path = "query.html")]
struct QueryPage<'a> {
    frame: Frame,
    title: &'static str,
    notice: Notice,
    inputs: Vec<Input<'a>>,
}

impl QueryPage<'_> {
    fn is_first(&self) -> bool {
        matches!(self.notice, Notice::None)
    }

    fn form_heading(&self) -> &'static str {
        match self.notice {
            Notice::None => "任选两项填写",
            Notice::Faults(_) | Notice::NotFound(_) => "修改后再查",
            Notice::Later { .. } => "再次查询",
        }
    }

    fn is_not_found(&self) -> bool {
        matches!(self.notice, Notice::NotFound(_))
    }

    fn modes(&self) -> [ModeRow; 6] {
        Mode::ALL.map(|mode| {
            let (first, second) = mode.fields();
            ModeRow {
                number: words::mode(mode),
                first: words::field(first),
                second: words::field(second),
                advice: words::mode_advice(mode),
            }
        })
    }
}

/// One line of the table of modes.
struct ModeRow {
    number: &'static str,
    first: &'static str,
    second: &'static str,
    advice: &'static str,
}

#[derive(Template)]
#[template(path = "found.html")]
struct FoundPage<'a> {
    frame: Frame,
    title: &'static str,
    cards: &'a [Card],
}

impl FoundPage<'_> {
    fn has_valid(&self) -> bool {
        self.cards.iter().any(|card| matches!(card, Card::Valid(_)))
    }
}

/// The words and texts of a card; empty when nothing is recorded.
impl CertificateCard {
    fn gender_word(&self) -> &'static str {
        self.gender.and_then(words::gender).unwrap_or_default()
    }

    fn education_word(&self) -> &'static str {
        self.education.and_then(words::education).unwrap_or_default()
    }

    fn level_word(&self) -> &'static str {
        self.level.and_then(words::level).unwrap_or_default()
    }

    fn grade_word(&self) -> &'static str {
        self.grade.and_then(words::grade).unwrap_or_default()
    }

    fn issue_date_text(&self) -> String {
        self.issue_date.map(words::date).unwrap_or_default()
    }

    /// Theory, skill, review.
    fn score_texts(&self) -> [(&'static str, String); 3] {
        [
            ("理论知识", self.theory_score),
            ("操作技能", self.skill_score),
            ("综合评审", self.review_score),
        ]
        .map(|(label, tenths)| (label, tenths.map(words::score).unwrap_or_default()))
    }

    /// The part of the masked number that is shown, to be read out instead of a row of stars.
    fn id_number_shown(&self) -> &str {
        self.id_number.split('*').next().unwrap_or_default()
    }
}

/// The empty form.
pub(super) fn form(context: &PageContext) -> Bytes {
    query_page(context, &Entered::default(), "职业资格证书查询", Notice::None)
}

/// The answer to a query.
pub(super) fn result(context: &PageContext, result: &PageResult) -> Bytes {
    let entered = &context.entered;
    match result {
        PageResult::Found(cards) if !cards.is_empty() => {
            finish(&FoundPage { frame: Frame::new(context), title: "查询结果", cards })
        }
        PageResult::Found(_) | PageResult::NotFound => {
            let asked = entered.filled().map(words::field).collect::<Vec<_>>().join(" + ");
            query_page(context, entered, "没有查到", Notice::NotFound(asked))
        }
        PageResult::TwoFieldsRequired => faulty(context, vec![two_fields_fault(entered)]),
        PageResult::BadInput { field, reason } => faulty(
            context,
            vec![Fault { target: field.name(), text: field_fault(*field, *reason) }],
        ),
        PageResult::BadRequest => {
            later(context, "提交的内容无法识别", "请在下面的表单中重新填写后查询。".to_owned())
        }
        PageResult::Unavailable => {
            let mut text = "数据正在准备或查询人数较多，请稍后再试。".to_owned();
            // A request turned away before it was read has nothing to give back.
            if entered.filled().next().is_some() {
                text.push_str("您填写的内容已保留在下面的表单中。");
            }
            later(context, "查询服务暂时不可用", text)
        }
        PageResult::TooMany { retry_after_seconds } => later(
            context,
            "查询过于频繁",
            format!(
                "为保护持证人信息，短时间内的查询次数有限制，请{}再试。",
                words::waiting_time(*retry_after_seconds)
            ),
        ),
    }
}

fn faulty(context: &PageContext, faults: Vec<Fault>) -> Bytes {
    query_page(context, &context.entered, "请改正后再查询", Notice::Faults(faults))
}

fn later(context: &PageContext, heading: &'static str, text: String) -> Bytes {
    query_page(context, &context.entered, heading, Notice::Later { heading, text })
}

/// Leads to the first field that is to be filled in or cleared.
fn two_fields_fault(entered: &Entered) -> Fault {
    let filled = entered.filled().collect::<Vec<_>>();
    let (target, text) = if filled.len() > FIELDS_NEEDED {
        let text = format!("填写了 {} 项，请清空多余的，只保留两项", filled.len());
        (filled.first().copied(), text)
    } else {
        let text = match filled.len() {
            0 => "还没有填写，请任选两项填写".to_owned(),
            _ => "只填写了 1 项，请再填写一项".to_owned(),
        };
        (Field::ALL.into_iter().find(|field| !filled.contains(field)), text)
    };
    Fault { target: target.unwrap_or(Field::IdNumber).name(), text }
}

fn field_fault(field: Field, fault: InputFault) -> String {
    let label = words::field(field);
    match fault {
        InputFault::TooLong => format!("{label}过长，请核对是否多填了内容"),
        InputFault::Unusable => format!("{label}中有不能识别的字符，请删去后重新填写"),
    }
}

fn query_page(
    context: &PageContext,
    entered: &Entered,
    title: &'static str,
    notice: Notice,
) -> Bytes {
    let faults = match &notice {
        Notice::Faults(faults) => faults.as_slice(),
        _ => &[],
    };
    let inputs = Field::ALL.into_iter().map(|field| input(field, entered, faults)).collect();
    finish(&QueryPage { frame: Frame::new(context), title, notice, inputs })
}

fn input<'a>(field: Field, entered: &'a Entered, faults: &[Fault]) -> Input<'a> {
    let id = field.name();
    Input {
        id,
        label: words::field(field),
        hint: match field {
            Field::IdNumber => "身份证号码，或登记时使用的护照、通行证、军官证等证件的号码",
            Field::CertificateNumber => "一般为 16 位；上海 13 位编号直接填写",
            Field::TicketNumber => "参加鉴定考试时的准考证号，早期证书可能没有登记",
            Field::Name => "与证书上的姓名一致",
        },
        value: entered.get(field),
        fault: faults.iter().find(|fault| fault.target == id).map(|fault| fault.text.clone()),
    }
}

/// Writing to a string cannot fail; should a template ever, the asker still gets a page.
fn finish(page: &impl Template) -> Bytes {
    const FALLBACK: &str = "<!doctype html><html lang=\"zh-CN\"><meta charset=\"utf-8\">\
         <title>查询服务暂时不可用</title><p>查询服务暂时不可用，请稍后再试。</p></html>";
    match page.render() {
        Ok(html) => Bytes::from(html),
        Err(error) => {
            tracing::error!(%error, "page template failed");
            Bytes::from_static(FALLBACK.as_bytes())
        }
    }
}
