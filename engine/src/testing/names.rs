//! Names with the frequencies of real ones: surnames by their share of the population (the yearly
//! name reports of 公安部, rounded), common given-name characters, minority, rare and Latin names.

use super::random::{Random, Weights};

/// Surnames and their share in hundredths of a percent.
const SURNAMES: &[(&str, u32)] = &[
    ("王", 710),
    ("李", 700),
    ("张", 670),
    ("刘", 510),
    ("陈", 450),
    ("杨", 310),
    ("黄", 230),
    ("赵", 200),
    ("吴", 200),
    ("周", 190),
    ("徐", 145),
    ("孙", 140),
    ("马", 130),
    ("朱", 120),
    ("胡", 115),
    ("郭", 112),
    ("何", 105),
    ("林", 100),
    ("高", 100),
    ("罗", 95),
    ("郑", 90),
    ("梁", 85),
    ("谢", 75),
    ("宋", 70),
    ("唐", 68),
    ("许", 66),
    ("韩", 62),
    ("邓", 61),
    ("冯", 60),
    ("曹", 58),
    ("彭", 56),
    ("曾", 55),
    ("肖", 54),
    ("田", 50),
    ("董", 48),
    ("潘", 47),
    ("袁", 46),
    ("蔡", 45),
    ("蒋", 44),
    ("余", 43),
    ("于", 42),
    ("杜", 42),
    ("叶", 41),
    ("程", 41),
    ("魏", 41),
    ("苏", 40),
    ("吕", 39),
    ("丁", 38),
    ("任", 38),
    ("卢", 38),
    ("姚", 36),
    ("沈", 36),
    ("钟", 35),
    ("姜", 35),
    ("崔", 34),
    ("谭", 34),
    ("陆", 33),
    ("范", 33),
    ("汪", 32),
    ("廖", 31),
    ("石", 30),
    ("金", 30),
    ("韦", 29),
    ("贾", 29),
    ("夏", 28),
    ("付", 28),
    ("方", 27),
    ("邹", 27),
    ("熊", 27),
    ("白", 27),
    ("孟", 26),
    ("秦", 26),
    ("邱", 25),
    ("侯", 25),
    ("江", 25),
    ("尹", 24),
    ("薛", 24),
    ("闫", 24),
    ("段", 23),
    ("雷", 23),
    ("龙", 22),
    ("黎", 22),
    ("史", 22),
    ("陶", 21),
    ("贺", 21),
    ("毛", 21),
    ("郝", 20),
    ("顾", 20),
    ("龚", 20),
    ("邵", 19),
    ("万", 19),
    ("覃", 19),
    ("武", 18),
    ("钱", 18),
    ("戴", 18),
    ("严", 17),
    ("莫", 17),
    ("孔", 16),
    ("向", 16),
    ("常", 15),
    ("汤", 15),
    ("康", 15),
    ("赖", 14),
    ("易", 14),
    ("乔", 13),
    ("文", 13),
    ("洪", 12),
    ("施", 12),
    ("牛", 11),
    ("欧阳", 8),
    ("上官", 2),
    ("诸葛", 2),
    ("司马", 1),
    ("皇甫", 1),
];

/// Common characters in men's given names, the most frequent first.
const MALE: &str = "伟强军勇杰涛明超刚平辉鹏华飞鑫波斌宇浩凯健俊帆帅旭宁龙林建国志文海德永成\
                    光东亮峰磊洋新江山仁武诚毅信庆友安福生荣庭祥兴全胜利良才子晨轩泽博佳嘉天一睿";
/// Common characters in women's given names, the most frequent first.
const FEMALE: &str = "芳娜敏静丽艳娟霞秀燕玲桂英红梅琴兰萍云洁雪婷莉慧琳颖倩欣怡佳雅莹晶晓春\
                      玉珍凤芬香月素文君小思梦雨子涵诗可心语悦蓉璐瑶倩楠菲菊彩爱美淑惠珠翠琼";
/// Characters of names outside GBK: they take four bytes in GB18030, and the last ones two UTF-16
/// units.
const RARE: &[&str] = &["䶮", "㛃", "㼆", "㙦", "㬎", "𠮷", "𡵆", "𬭚"];

const UYGHUR_MALE: &[&str] = &[
    "买买提",
    "艾合买提",
    "阿不都克里木",
    "吐尔逊",
    "玉素甫",
    "阿卜杜拉",
    "依明",
    "木合塔尔",
    "热合曼",
    "亚森",
    "库尔班",
    "艾尔肯",
    "阿不都热合曼",
    "努尔买买提",
    "卡德尔",
    "托合提",
];
const UYGHUR_FEMALE: &[&str] = &[
    "古丽",
    "阿依古丽",
    "帕提古丽",
    "热依汗",
    "麦合木提",
    "阿孜古丽",
    "祖丽胡玛尔",
    "古丽娜尔",
    "迪丽拜尔",
    "米热古丽",
    "阿米娜",
    "茹仙古丽",
];
const TIBETAN: &[&str] = &[
    "扎西", "次仁", "多吉", "卓玛", "平措", "尼玛", "达瓦", "旦增", "拉姆", "央金", "格桑", "顿珠",
    "罗布", "白玛", "索朗", "德吉",
];
const LATIN_GIVEN: &[&str] = &[
    "JOHN", "MARY", "MICHAEL", "ANNA", "DAVID", "SOFIA", "JOSÉ", "YUKI", "MIN JUN", "PIERRE",
    "ELENA", "THOMAS",
];
const LATIN_FAMILY: &[&str] = &[
    "SMITH",
    "GARCÍA",
    "KIM",
    "TANAKA",
    "MÜLLER",
    "IVANOV",
    "NGUYEN",
    "O'BRIEN",
    "DUPONT",
    "BROWN",
    "JEAN-BAPTISTE",
    "ROSSI",
];

/// Hanzi in the longest name that must fit (民委发〔2016〕33号: 25 Hanzi, 50 bytes in GB18030).
const LONGEST_NAME_CHARS: usize = 25;

/// Where a person's family comes from, as far as names go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Han,
    Uyghur,
    Tibetan,
    Foreign,
}

/// The tables, ready to draw from.
pub(super) struct Names {
    surnames: Weights,
    male: Vec<char>,
    female: Vec<char>,
}

impl Names {
    pub(super) fn new() -> Self {
        Self {
            surnames: Weights::new(SURNAMES.iter().map(|&(_, weight)| weight)),
            male: MALE.chars().collect(),
            female: FEMALE.chars().collect(),
        }
    }

    /// Writes a name over `name`.
    pub(super) fn draw(&self, origin: Origin, male: bool, random: &mut Random, name: &mut String) {
        name.clear();
        let mut pair = |first: &str, between: &str, second: &str| {
            [first, between, second].into_iter().for_each(|part| name.push_str(part));
        };
        match origin {
            Origin::Han => self.han(male, random, name),
            Origin::Uyghur if random.below(80) == 0 => longest(male, random, name),
            Origin::Uyghur => {
                let given = random.pick(if male { UYGHUR_MALE } else { UYGHUR_FEMALE });
                pair(given, "·", random.pick(UYGHUR_MALE));
            }
            Origin::Tibetan => pair(random.pick(TIBETAN), "", random.pick(TIBETAN)),
            Origin::Foreign => pair(random.pick(LATIN_GIVEN), " ", random.pick(LATIN_FAMILY)),
        }
    }

    fn han(&self, male: bool, random: &mut Random, name: &mut String) {
        name.push_str(SURNAMES[self.surnames.draw(random)].0);
        let given = if male { &self.male } else { &self.female };
        // About one given name in six has a single character.
        let two = random.below(6) > 0;
        if two {
            name.push(given[random.falling(given.len())]);
        }
        if random.one_in_ten_thousand(5) {
            name.push_str(random.pick(RARE));
        } else {
            name.push(given[random.falling(given.len())]);
        }
    }
}

/// A name of exactly 25 characters, as long as one may be.
fn longest(male: bool, random: &mut Random, name: &mut String) {
    name.push_str(random.pick(if male { UYGHUR_MALE } else { UYGHUR_FEMALE }));
    while name.chars().count() < LONGEST_NAME_CHARS - 2 {
        name.push('·');
        name.push_str(random.pick(UYGHUR_MALE));
    }
    name.push_str("提江尔");
    if let Some((end, _)) = name.char_indices().nth(LONGEST_NAME_CHARS) {
        name.truncate(end);
    }
    if name.ends_with('·') {
        name.pop();
        name.push('江');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_names_are_exactly_as_long_as_allowed() {
        let mut random = Random::new(7);
        for round in 0..2000 {
            let mut name = String::new();
            longest(round % 2 == 0, &mut random, &mut name);
            assert_eq!(name.chars().count(), LONGEST_NAME_CHARS, "{name}");
            assert!(name.contains('·') && !name.ends_with('·'), "{name}");
        }
    }

    #[test]
    fn surnames_come_at_their_rates() {
        let (names, mut random) = (Names::new(), Random::new(3));
        let drawn = [(); 20_000].map(|()| {
            let mut name = String::new();
            names.draw(Origin::Han, true, &mut random, &mut name);
            name
        });
        let share = |surname| drawn.iter().filter(|name| name.starts_with(surname)).count();
        assert!(share('王') > 1400 && share('王') < 2000, "{}", share('王'));
        assert!(share('钱') < 100);
        assert!(drawn.iter().any(|name| RARE.iter().any(|rare| name.contains(rare))));
    }
}
