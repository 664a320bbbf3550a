//! The 国家职业资格目录 for the reference judgement: rows of the tables under a plain map.
//!
//! Reads the three tables on its own, so that a slip in the reading that serves shows as a difference.

use std::collections::HashMap;

use super::claims_text::{bare, folded, iso_day};
use crate::date::Date;

/// What a row of `catalogue.csv` names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// An entry that is its own occupation.
    Item,
    /// A heading over occupations.
    Group,
    /// An occupation under a heading.
    Sub,
}

/// One row of `catalogue.csv`. Number and kind say which item of the edition it belongs to.
struct Entry {
    edition: String,
    item: (String, String),
    role: Role,
    /// Last day on which the occupation stood in its edition, where it left before the edition ended.
    last_day: Option<Date>,
}

/// The catalogue as a map from names, brackets dropped, to the rows that bear them.
pub struct PlainCatalogue {
    /// Edition and its first day, in the order of the days.
    editions: Vec<(String, Date)>,
    entries: Vec<Entry>,
    by_name: HashMap<String, Vec<usize>>,
}

impl PlainCatalogue {
    /// The catalogue of this repository.
    #[must_use]
    pub fn embedded() -> Self {
        Self::new(
            include_str!("../../data/catalogue_editions.csv"),
            include_str!("../../data/catalogue.csv"),
            include_str!("../../data/catalogue_exits.csv"),
        )
    }

    /// Reads `catalogue_editions.csv`, `catalogue.csv` and `catalogue_exits.csv`, whose columns are found
    /// by their names.
    ///
    /// # Panics
    /// When a table does not hold what it should: it is part of this repository.
    #[must_use]
    pub fn new(editions: &str, catalogue: &str, exits: &str) -> Self {
        let mut days: Vec<(String, Date)> = rows(editions, ["edition", "in_force_from"])
            .map(|[edition, day]| (edition.to_owned(), iso_day(day).expect("a first day")))
            .collect();
        days.sort_by_key(|(_, day)| *day);
        let left: HashMap<(String, String), Date> = rows(exits, ["edition", "name", "last_day"])
            .map(|[edition, name, day]| {
                ((edition.to_owned(), bare(name)), iso_day(day).expect("a last day"))
            })
            .collect();
        let mut plain = Self { editions: days, entries: Vec::new(), by_name: HashMap::new() };
        for [edition, kind, item, role, name] in
            rows(catalogue, ["edition", "kind", "item", "role", "name"])
        {
            let role = match role {
                "item" => Role::Item,
                "group" => Role::Group,
                "sub" => Role::Sub,
                other => panic!("role {other}"),
            };
            let last_day = left.get(&(edition.to_owned(), bare(name))).copied();
            let item = (kind.to_owned(), item.to_owned());
            plain.by_name.entry(bare(name)).or_default().push(plain.entries.len());
            plain.entries.push(Entry { edition: edition.to_owned(), item, role, last_day });
        }
        plain
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Entry> {
        self.by_name.get(&bare(name)).into_iter().flatten().map(|&at| &self.entries[at])
    }

    /// Whether the name stood in the catalogue on a day: in the edition in force, and not left.
    #[must_use]
    pub fn lists(&self, name: &str, day: Date) -> bool {
        let Some((edition, _)) = self.editions.iter().rev().find(|(_, from)| *from <= day) else {
            return false;
        };
        let stands = |entry: &Entry| entry.last_day.is_none_or(|last| day <= last);
        self.named(name).filter(|entry| entry.edition == *edition).any(|entry| match entry.role {
            Role::Item | Role::Sub => stands(entry),
            Role::Group => self
                .entries
                .iter()
                .filter(|other| other.edition == *edition && other.item == entry.item)
                .any(|other| other.role == Role::Sub && stands(other)),
        })
    }

    /// Whether two names say the same qualification: equal but for brackets, or one the group and the
    /// other an occupation of it.
    #[must_use]
    pub fn same_qualification(&self, one: &str, other: &str) -> bool {
        let related = |a: &Entry, b: &Entry| {
            a.edition == b.edition
                && a.item == b.item
                && matches!((a.role, b.role), (Role::Group, Role::Sub) | (Role::Sub, Role::Group))
        };
        // A scope in brackets may be left out on one side; two different scopes are two things.
        let scope_left_out = |text: &str| folded(text) == bare(text);
        one == other
            || folded(one) == folded(other)
            || bare(one) == bare(other) && (scope_left_out(one) || scope_left_out(other))
            || self.named(one).any(|a| self.named(other).any(|b| related(a, b)))
    }

    /// The groups a name stands under, any edition.
    #[must_use]
    pub fn groups_of(&self, name: &str) -> Vec<&str> {
        let is_group_of = |entry: &Entry, group: &Entry| {
            entry.role == Role::Sub
                && group.role == Role::Group
                && entry.edition == group.edition
                && entry.item == group.item
        };
        let mut groups: Vec<&str> = self
            .by_name
            .iter()
            .filter(|(_, places)| {
                places
                    .iter()
                    .any(|&at| self.named(name).any(|it| is_group_of(it, &self.entries[at])))
            })
            .map(|(group, _)| group.as_str())
            .collect();
        groups.sort_unstable();
        groups
    }

    /// Every name, brackets dropped, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.by_name.keys().map(String::as_str).collect();
        names.sort_unstable();
        names
    }
}

/// The wanted columns of a table without quotes.
fn rows<'t, const N: usize>(
    table: &'t str,
    wanted: [&str; N],
) -> impl Iterator<Item = [&'t str; N]> {
    let mut lines = table.trim_start_matches('\u{FEFF}').lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let places = wanted.map(|name| {
        header.iter().position(|&it| it == name).unwrap_or_else(|| panic!("no column {name}"))
    });
    lines.filter(|line| !line.is_empty()).map(move |line| {
        let cells: Vec<&str> = line.split(',').collect();
        places.map(|place| cells[place])
    })
}
