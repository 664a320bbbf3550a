//! 国家职业资格目录: which names stood in it on a day, and which belong together.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::source::{Source, TableError};
use crate::date::Date;
use crate::key::normalize;

/// Names and built-in texts of the three tables: editions, names, exits.
pub const CATALOGUE_TABLES: [(&str, &str); 3] = [
    ("catalogue_editions.csv", include_str!("../../data/catalogue_editions.csv")),
    ("catalogue.csv", include_str!("../../data/catalogue.csv")),
    ("catalogue_exits.csv", include_str!("../../data/catalogue_exits.csv")),
];

#[derive(Clone, Debug)]
struct Edition {
    in_force_from: Date,
    /// By folded name: the last day on which it counted, `None` while the edition was in force.
    names: HashMap<String, Option<Date>>,
}

/// A group or an occupation of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    item: usize,
    is_group: bool,
}

/// The editions, oldest first.
#[derive(Clone, Debug)]
pub struct Catalogue {
    editions: Vec<Edition>,
    /// Where a folded name stands, in any edition, among items that have a group.
    places: HashMap<String, Vec<Place>>,
}

/// What `catalogue.csv` says of one item.
#[derive(Default)]
struct Item {
    groups: Vec<String>,
    occupations: Vec<String>,
}

impl Catalogue {
    /// The catalogue built in, each of its tables replaced by the file of its name in `folder`.
    ///
    /// # Errors
    /// A file there cannot be read or is wrong; nothing falls back in silence.
    pub fn load(folder: Option<&Path>) -> Result<Self, TableError> {
        let [editions, names, exits] = CATALOGUE_TABLES;
        let open = |(name, embedded)| Source::open(folder, name, embedded);
        Self::read(&open(editions)?, &open(names)?, &open(exits)?)
    }

    /// Reads the three tables of [`CATALOGUE_TABLES`].
    ///
    /// # Errors
    /// Names file, line and column.
    pub fn read(
        editions: &Source<'_>,
        names: &Source<'_>,
        exits: &Source<'_>,
    ) -> Result<Self, TableError> {
        let mut by_name: BTreeMap<String, Edition> = BTreeMap::new();
        editions.each(&["edition", "in_force_from", "document", "note"], |row| {
            let in_force_from = Date::parse_iso(row.get(1))
                .ok_or_else(|| row.wrong(1, "a day as YYYY-MM-DD is expected"))?;
            let edition = Edition { in_force_from, names: HashMap::new() };
            match by_name.insert(row.filled(0)?.to_owned(), edition) {
                Some(_) => Err(row.wrong(0, "this edition stands twice")),
                None => Ok(()),
            }
        })?;
        let mut items: BTreeMap<[String; 3], Item> = BTreeMap::new();
        names.each(&["edition", "kind", "category", "item", "role", "name"], |row| {
            let edition = by_name
                .get_mut(row.get(0))
                .ok_or_else(|| row.wrong(0, "catalogue_editions.csv has no such edition"))?;
            let name = folded(row.filled(5)?);
            edition.names.insert(without_brackets(&name), None);
            edition.names.insert(name.clone(), None);
            let item = items.entry([0, 1, 3].map(|column| row.get(column).to_owned())).or_default();
            match row.get(4) {
                "group" => item.groups.push(name),
                "item" | "sub" => item.occupations.push(name),
                _ => return Err(row.wrong(4, "group, item or sub is expected")),
            }
            Ok(())
        })?;
        read_exits(exits, &mut by_name)?;
        for ([edition, ..], item) in &items {
            if let Some(edition) = by_name.get_mut(edition) {
                edition.end_groups(item);
            }
        }
        let mut editions: Vec<_> = by_name.into_values().collect();
        editions.sort_by_key(|edition| edition.in_force_from);
        Ok(Self { editions, places: places(items.values()) })
    }

    /// The first day on which any edition was in force.
    #[must_use]
    pub fn begins(&self) -> Option<Date> {
        self.editions.first().map(|edition| edition.in_force_from)
    }

    /// Whether `name` is an item, a group or an occupation of the edition in force on `day`;
    /// `None` on days before the first edition. Exits are not looked at: the edition in print counts.
    ///
    /// Scopes in brackets vary in print, so they may be left out on either side.
    #[must_use]
    pub fn lists(&self, name: &str, day: Date) -> Option<bool> {
        Some(self.edition(day)?.find(name).is_some())
    }

    /// Whether a certificate of this name issued on `day` is one of the catalogue: listed, and not
    /// gone from it by then. An occupation that left still counts on its last day; a group counts
    /// while any of its occupations does. Nothing counts on days before the first edition.
    #[must_use]
    pub fn counts(&self, name: &str, day: Date) -> bool {
        let last_day = self.edition(day).and_then(|edition| edition.find(name));
        last_day.is_some_and(|last| last.is_none_or(|last| day <= last))
    }

    /// Whether two names mean the same qualification: equal with brackets folded or dropped, or one
    /// is a group and the other an occupation of it, in whatever edition.
    #[must_use]
    pub fn same(&self, a: &str, b: &str) -> bool {
        if a == b {
            return true;
        }
        let (a, b) = (folded(a), folded(b));
        let (bare_a, bare_b) = (without_brackets(&a), without_brackets(&b));
        if a == b || (bare_a == bare_b && (a == bare_a || b == bare_b)) {
            return true;
        }
        let of = |name: &str, bare: &str| self.places.get(name).or_else(|| self.places.get(bare));
        let (Some(a), Some(b)) = (of(&a, &bare_a), of(&b, &bare_b)) else { return false };
        a.iter().any(|a| b.iter().any(|b| a.item == b.item && a.is_group != b.is_group))
    }

    fn edition(&self, day: Date) -> Option<&Edition> {
        self.editions.iter().rev().find(|edition| edition.in_force_from <= day)
    }
}

impl Edition {
    /// The last day of a name, when it stands here at all.
    fn find(&self, name: &str) -> Option<Option<Date>> {
        if let Some(last_day) = self.names.get(name) {
            return Some(*last_day);
        }
        let name = normalize::ticket_number(name);
        let found = self.names.get(&*name).or_else(|| self.names.get(&without_brackets(&name)));
        found.copied()
    }

    /// A group ends with the last of its occupations.
    fn end_groups(&mut self, item: &Item) {
        let ends: Option<Vec<Date>> =
            item.occupations.iter().map(|name| *self.names.get(name)?).collect();
        if let Some(last) = ends.and_then(|ends| ends.into_iter().max()) {
            for group in &item.groups {
                self.names.insert(without_brackets(group), Some(last));
                self.names.insert(group.clone(), Some(last));
            }
        }
    }
}

fn read_exits(
    exits: &Source<'_>,
    editions: &mut BTreeMap<String, Edition>,
) -> Result<(), TableError> {
    exits.each(&["edition", "batch", "last_day", "name"], |row| {
        let edition = editions
            .get_mut(row.get(0))
            .ok_or_else(|| row.wrong(0, "catalogue_editions.csv has no such edition"))?;
        let last_day = Date::parse_iso(row.get(2))
            .ok_or_else(|| row.wrong(2, "a day as YYYY-MM-DD is expected"))?;
        let name = folded(row.filled(3)?);
        for name in [without_brackets(&name), name] {
            let place = edition
                .names
                .get_mut(&name)
                .ok_or_else(|| row.wrong(3, "catalogue.csv has no such name in this edition"))?;
            *place = Some(last_day);
        }
        Ok(())
    })
}

fn places<'i>(items: impl Iterator<Item = &'i Item>) -> HashMap<String, Vec<Place>> {
    let mut places: HashMap<String, Vec<Place>> = HashMap::new();
    let with_group = items.filter(|item| !item.groups.is_empty());
    for (number, item) in with_group.enumerate() {
        let all = [(true, &item.groups), (false, &item.occupations)];
        for (is_group, name) in
            all.into_iter().flat_map(|(is, names)| names.iter().map(move |n| (is, n)))
        {
            let place = Place { item: number, is_group };
            for spelling in [name.clone(), without_brackets(name)] {
                let known = places.entry(spelling).or_default();
                if !known.contains(&place) {
                    known.push(place);
                }
            }
        }
    }
    places
}

/// Brackets half-width, no spaces.
fn folded(name: &str) -> String {
    normalize::ticket_number(name).into_owned()
}

/// The name without what stands in brackets; a name that is nothing else stays whole.
fn without_brackets(name: &str) -> String {
    let mut depth = 0usize;
    let mut bare = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth == 0 => bare.push(c),
            _ => {}
        }
    }
    if bare.is_empty() { name.to_owned() } else { bare }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Catalogue {
        Catalogue::load(None).unwrap()
    }

    fn day(text: &str) -> Date {
        Date::parse_iso(text).unwrap()
    }

    #[test]
    fn editions_and_exits_by_their_days() {
        let catalogue = built_in();
        for (name, on, counts) in [
            ("车工", "2017-09-11", false),
            ("车工", "2017-09-12", true),
            ("车工", "2020-09-30", true),
            ("车工", "2020-10-01", false),
            ("桥隧工", "2020-12-31", true),
            ("桥隧工", "2021-01-01", false),
            // A group of which some occupations left with each batch.
            ("机械设备修理人员", "2020-12-31", true),
            ("机械设备修理人员", "2021-01-01", false),
            ("机械冷加工人员", "2020-09-30", true),
            ("机械冷加工人员", "2020-10-01", false),
            ("焊工", "2021-12-01", true),
            ("焊工", "2021-12-02", true),
            ("消防员", "2021-06-01", true),
            ("安检员", "2021-12-01", true),
            ("安检员", "2021-12-02", false),
            ("民航安全检查员", "2021-12-01", false),
            ("民航安全检查员", "2021-12-02", true),
            ("注册消防工程师", "2019-01-01", true),
            ("会计从业资格", "2021-12-02", false),
            ("挖坑工", "2019-01-01", false),
        ] {
            assert_eq!(catalogue.counts(name, day(on)), counts, "{name} {on}");
        }
        assert_eq!(catalogue.lists("车工", day("2021-01-01")), Some(true), "exits bar no loading");
        assert_eq!(catalogue.lists("车工", day("2017-09-11")), None);
    }

    #[test]
    fn the_exits_are_as_many_as_were_published() {
        let [.., (_, exits)] = CATALOGUE_TABLES;
        let of = |batch: &str| exits.lines().filter(|line| line.starts_with(batch)).count();
        assert_eq!((of("2017,1,2020-09-30,"), of("2017,2,2020-12-31,")), (29, 156));
    }

    #[test]
    fn names_of_one_qualification() {
        let catalogue = built_in();
        for (a, b, same) in [
            ("车工", "车工", true),
            ("车工", "机械冷加工人员", true),
            ("机械冷加工人员", "铣工", true),
            ("车工", "铣工", false),
            ("车工", "机械热加工人员", false),
            ("（粮油）仓储管理员", "(粮油)仓储管理员", true),
            ("（粮油）仓储管理员", "仓储管理员", true),
            ("社会体育指导员", "社会体育指导员（游泳、滑雪、潜水、攀岩）", true),
            ("社会体育指导员(游泳)", "社会体育指导员(滑雪)", false),
            ("健身和娱乐场所服务人员", "社会体育指导员(游泳)", true),
            ("旧工种", "旧 工 种", true),
            ("旧工种", "车工", false),
        ] {
            assert_eq!(catalogue.same(a, b), same, "{a} {b}");
            assert_eq!(catalogue.same(b, a), same, "{b} {a}");
        }
    }
}
