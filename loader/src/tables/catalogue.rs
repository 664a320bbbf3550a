//! 国家职业资格目录: which names stood in it on a day.

use std::collections::{BTreeMap, HashSet};

use zhengcha_engine::Date;
use zhengcha_engine::key::normalize;

use super::source::{Source, TableError};

#[derive(Clone, Debug)]
struct Edition {
    in_force_from: Date,
    names: HashSet<String>,
}

/// The editions, oldest first.
#[derive(Clone, Debug)]
pub struct Catalogue {
    editions: Vec<Edition>,
}

impl Catalogue {
    pub(super) fn read(editions: &Source<'_>, names: &Source<'_>) -> Result<Self, TableError> {
        let mut by_name: BTreeMap<String, Edition> = BTreeMap::new();
        editions.each(&["edition", "in_force_from", "document", "note"], |row| {
            let in_force_from = Date::parse_iso(row.get(1))
                .ok_or_else(|| row.wrong(1, "a day as YYYY-MM-DD is expected"))?;
            let edition = Edition { in_force_from, names: HashSet::new() };
            match by_name.insert(row.filled(0)?.to_owned(), edition) {
                Some(_) => Err(row.wrong(0, "this edition stands twice")),
                None => Ok(()),
            }
        })?;
        names.each(&["edition", "kind", "category", "item", "role", "name"], |row| {
            let edition = by_name
                .get_mut(row.get(0))
                .ok_or_else(|| row.wrong(0, "catalogue_editions.csv has no such edition"))?;
            let name = row.filled(5)?;
            edition.names.insert(folded(name));
            edition.names.insert(without_brackets(&folded(name)));
            Ok(())
        })?;
        let mut editions: Vec<_> = by_name.into_values().collect();
        editions.sort_by_key(|edition| edition.in_force_from);
        Ok(Self { editions })
    }

    /// The first day on which any edition was in force.
    #[must_use]
    pub fn begins(&self) -> Option<Date> {
        self.editions.first().map(|edition| edition.in_force_from)
    }

    /// Whether `name` is an item, a group or an occupation of the edition in force on `day`;
    /// `None` on days before the first edition.
    ///
    /// Scopes in brackets vary in print, so they may be left out on either side.
    #[must_use]
    pub fn lists(&self, name: &str, day: Date) -> Option<bool> {
        let edition = self.editions.iter().rev().find(|edition| edition.in_force_from <= day)?;
        let name = normalize::ticket_number(name);
        let listed = edition.names.contains(&*name);
        Some(listed || edition.names.contains(&without_brackets(&name)))
    }
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
