//! Codes of the collection table as the words people read.
//!
//! Total functions: an unknown code has no word. Knows no markup.

use zhengcha_engine::{Date, Field, Mode};

/// 性别 (GB/T 2261.1; 人社鉴发〔2013〕2号 附表).
pub(super) fn gender(code: u8) -> Option<&'static str> {
    Some(match code {
        0 => "未知",
        1 => "男",
        2 => "女",
        9 => "未说明",
        _ => return None,
    })
}

/// 文化程度 (人社鉴发〔2013〕2号 附表).
pub(super) fn education(code: u8) -> Option<&'static str> {
    Some(match code {
        91 => "研究生",
        92 => "大学本科",
        93 => "大学专科和专科学校",
        94 => "中等专业学校",
        95 => "技工学校",
        96 => "高中",
        97 => "初中",
        98 => "小学",
        99 => "文盲或半文盲",
        _ => return None,
    })
}

/// 职业资格等级, in the form the national query page shows.
pub(super) fn level(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "一级/高级技师",
        2 => "二级/技师",
        3 => "三级/高级技能",
        4 => "四级/中级技能",
        5 => "五级/初级技能",
        _ => return None,
    })
}

/// 评定成绩 (人社鉴发〔2013〕2号 附表).
pub(super) fn grade(code: u8) -> Option<&'static str> {
    Some(match code {
        1 => "不合格",
        2 => "合格",
        3 => "良好",
        4 => "优秀",
        _ => return None,
    })
}

/// A score of so many tenths, always with its decimal so that a row of scores lines up.
pub(super) fn score(tenths: u16) -> String {
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// A date as it is written: 2001年10月22日.
pub(super) fn date(date: Date) -> String {
    format!("{}年{}月{}日", date.year(), date.month(), date.day())
}

/// A waiting time, rounded up to a unit one can plan with.
pub(super) fn waiting_time(seconds: u64) -> String {
    const SECONDS_PER_MINUTE: u64 = 60;
    const SECONDS_PER_HOUR: u64 = 3600;
    match seconds {
        0 => "稍后".to_owned(),
        s if s < SECONDS_PER_MINUTE => format!("在 {s} 秒后"),
        s if s < SECONDS_PER_HOUR => format!("在 {} 分钟后", s.div_ceil(SECONDS_PER_MINUTE)),
        s => format!("在 {} 小时后", s.div_ceil(SECONDS_PER_HOUR)),
    }
}

/// What a field is called on the page.
pub(super) fn field(field: Field) -> &'static str {
    match field {
        Field::IdNumber => "证件号码",
        Field::CertificateNumber => "证书编号",
        Field::TicketNumber => "准考证号",
        Field::Name => "姓名",
    }
}

/// The number of a mode in 人社鉴发〔2013〕2号 第四条.
pub(super) fn mode(mode: Mode) -> &'static str {
    match mode {
        Mode::IC => "①",
        Mode::IT => "②",
        Mode::IN => "③",
        Mode::CT => "④",
        Mode::CN => "⑤",
        Mode::TN => "⑥",
    }
}

/// When a mode serves best.
pub(super) fn mode_advice(mode: Mode) -> &'static str {
    match mode {
        Mode::IC => "姓名有生僻字或已更名时",
        Mode::IT => "手边只有准考证时",
        Mode::IN => "查本人的全部证书",
        Mode::CT => "不便提供个人信息时",
        Mode::CN => "核对他人出示的证书",
        Mode::TN => "证书尚未领到时",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_words_and_unknown_codes_none() {
        let known = |words: fn(u8) -> Option<&'static str>| {
            (0..=u8::MAX).filter(|&code| words(code).is_some()).collect::<Vec<_>>()
        };
        assert_eq!(known(gender), [0, 1, 2, 9]);
        assert_eq!(known(education), (91..=99).collect::<Vec<_>>());
        assert_eq!(known(level), [1, 2, 3, 4, 5]);
        assert_eq!(known(grade), [1, 2, 3, 4]);
        assert_eq!(level(3), Some("三级/高级技能"));
    }

    #[test]
    fn scores_keep_one_decimal() {
        assert_eq!([0, 5, 848, 900, 1000].map(score), ["0.0", "0.5", "84.8", "90.0", "100.0"]);
    }

    #[test]
    fn waiting_times_never_promise_too_early() {
        assert_eq!(
            [0, 1, 59, 60, 61, 3599, 3600, 3601].map(waiting_time),
            [
                "稍后",
                "在 1 秒后",
                "在 59 秒后",
                "在 1 分钟后",
                "在 2 分钟后",
                "在 60 分钟后",
                "在 1 小时后",
                "在 2 小时后"
            ]
        );
    }
}
