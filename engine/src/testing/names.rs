//! Invented names with the distribution of real ones.
//!
//! Surname weights follow the published shares of the hundred commonest surnames (per ten thousand
//! persons); given names are drawn from common characters, so that frequent names repeat as in life.

use super::random::Random;

/// Surnames with their share per ten thousand.
const SURNAMES: &[(&str, u32)] = &[
    ("王", 725),
    ("李", 719),
    ("张", 683),
    ("刘", 538),
    ("陈", 453),
    ("杨", 308),
    ("黄", 223),
    ("赵", 229),
    ("吴", 205),
    ("周", 212),
    ("徐", 167),
    ("孙", 154),
    ("马", 129),
    ("朱", 126),
    ("胡", 131),
    ("郭", 115),
    ("何", 117),
    ("林", 118),
    ("高", 100),
    ("罗", 86),
    ("郑", 93),
    ("梁", 85),
    ("谢", 72),
    ("宋", 81),
    ("唐", 65),
    ("许", 66),
    ("韩", 68),
    ("邓", 62),
    ("冯", 64),
    ("曹", 59),
    ("彭", 58),
    ("曾", 57),
    ("肖", 56),
    ("田", 55),
    ("董", 55),
    ("潘", 50),
    ("袁", 50),
    ("蔡", 46),
    ("蒋", 47),
    ("余", 46),
    ("于", 45),
    ("杜", 46),
    ("叶", 44),
    ("程", 49),
    ("魏", 44),
    ("苏", 43),
    ("吕", 44),
    ("丁", 43),
    ("任", 42),
    ("卢", 41),
    ("姚", 40),
    ("沈", 39),
    ("钟", 38),
    ("姜", 38),
    ("崔", 37),
    ("谭", 36),
    ("陆", 35),
    ("范", 36),
    ("汪", 34),
    ("廖", 33),
    ("石", 33),
    ("金", 32),
    ("韦", 31),
    ("贾", 31),
    ("夏", 31),
    ("付", 30),
    ("方", 30),
    ("邹", 29),
    ("熊", 29),
    ("白", 28),
    ("孟", 28),
    ("秦", 27),
    ("邱", 27),
    ("侯", 26),
    ("江", 26),
    ("尹", 25),
    ("薛", 25),
    ("闫", 24),
    ("段", 24),
    ("雷", 23),
    ("龙", 23),
    ("黎", 22),
    ("史", 22),
    ("陶", 21),
    ("贺", 21),
    ("毛", 20),
    ("郝", 20),
    ("顾", 20),
    ("龚", 20),
    ("邵", 19),
    ("万", 19),
    ("覃", 18),
    ("武", 18),
    ("钱", 18),
    ("戴", 17),
    ("严", 17),
    ("莫", 16),
    ("孔", 16),
    ("向", 15),
    ("欧阳", 9),
    ("司马", 1),
    ("诸葛", 1),
    ("㼆", 1),
];

/// Characters of given names, the commonest first.
const GIVEN: &str = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂华建国志文玉红梅海燕春生东\
    林辉鹏飞波斌宇浩凯健俊帆雪云莲凤洁琳晶倩婷玲萍雅欣怡佳慧巧美娇瑞祥永贵福龙元全学才发武新利清\
    彬富顺信子康星光天达安岩中茂进有坚和彪博诚先敬震振壮会思群豪心邦承乐绍功松善厚庆民友裕河哲\
    江超亮政谦亨奇固之轮翰朗伯宏言若鸣朋斌梁栋维启克伦翔旭鹤";

/// Parts of minority names, put together with `·`.
const MINORITY: &[&str] = &[
    "阿不都克里木",
    "买买提",
    "古丽",
    "热合曼",
    "吐尔逊",
    "艾合买提",
    "努尔",
    "依不拉音",
    "帕提古丽",
    "阿依夏木",
    "卡德尔",
    "玉素甫",
    "扎西",
    "卓玛",
    "才让",
    "多杰",
    "央金",
    "次仁",
];

const LATIN: &[&str] =
    &["ANNA", "IVAN", "MARIA", "JOHN", "KIM", "LEE", "SMITH", "TANAKA", "NOVAK", "SILVA", "PARK"];

/// Draws names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    cumulative: Vec<u32>,
    given: Vec<char>,
}

impl Names {
    pub(super) fn new() -> Self {
        let mut total = 0;
        let cumulative = SURNAMES
            .iter()
            .map(|(_, weight)| {
                total += weight;
                total
            })
            .collect();
        Self { cumulative, given: GIVEN.chars().filter(|c| !c.is_whitespace()).collect() }
    }

    fn given_character(&self, random: &mut Random) -> char {
        // The smaller of two draws: early characters are commoner.
        let len = self.given.len() as u32;
        let at = random.below(len).min(random.below(len));
        self.given[at as usize]
    }

    /// A name of a holder of a Chinese document.
    pub(super) fn chinese(&self, random: &mut Random, name: &mut String) {
        name.clear();
        if random.permille(15) {
            return minority(random, name);
        }
        let total = self.cumulative.last().copied().unwrap_or(1);
        let draw = random.below(total);
        let at = self.cumulative.partition_point(|&end| end <= draw);
        name.push_str(SURNAMES[at].0);
        name.push(self.given_character(random));
        if random.permille(820) {
            name.push(self.given_character(random));
        }
    }

    /// A name as in a foreign passport.
    pub(super) fn foreign(random: &mut Random, name: &mut String) {
        name.clear();
        name.push_str(random.pick(LATIN));
        name.push(' ');
        name.push_str(random.pick(LATIN));
    }
}

fn minority(random: &mut Random, name: &mut String) {
    name.push_str(random.pick(MINORITY));
    name.push('·');
    name.push_str(random.pick(MINORITY));
    // A few names as long as 民委发〔2016〕33号 provides for.
    if random.permille(20) {
        while name.chars().count() < 23 {
            name.push('·');
            name.push_str(random.pick(MINORITY));
        }
        *name = name.chars().take(25).collect();
        while name.ends_with('·') {
            name.pop();
        }
    }
}
