//! Which record a claim is about.
//!
//! The one with which most of the given key fields agree, at least two; among several the newest, then
//! the one of the lowest number. Every pair of given key fields is asked for, unless the first one asked
//! finds a record with which all agree: then no other record agrees with as many.

use std::cmp::Reverse;

use super::claim::Claim;
use super::field::{ClaimField, FieldSet};
use crate::key::{Field, Mode};
use crate::lookup::{FieldKey, Query};
use crate::record::View;
use crate::snapshot::Snapshot;

/// The record of a claim.
#[derive(Clone, Copy)]
pub struct Found<'s> {
    /// The record.
    pub view: View<'s>,
    /// The given key fields that agree with it.
    pub agreeing: FieldSet,
    /// Whether it is under review.
    pub is_held: bool,
}

/// Pairs in the order they are asked for: what tells most, first.
const MODES: [Mode; 6] = [Mode::IC, Mode::CN, Mode::CT, Mode::IT, Mode::IN, Mode::TN];

type Keys<'c> = [Option<FieldKey<'c>>; 4];

fn pair<'c>(keys: &Keys<'c>, mode: Mode) -> Option<Query<'c>> {
    let (first, second) = mode.fields();
    Some(Query::of(mode, keys[first as usize]?, keys[second as usize]?))
}

/// The record of each claim, none of them held.
pub(super) fn find<'s>(snapshot: &'s Snapshot, claims: &[Claim<'_>]) -> Vec<Option<Found<'s>>> {
    let keys: Vec<Keys<'_>> = claims
        .iter()
        .map(|claim| {
            Field::ALL.map(|field| {
                claim.keys[field as usize].as_ref().map(|text| FieldKey::new(field, text))
            })
        })
        .collect();
    let mut found = vec![None; claims.len()];
    let mut asked = Vec::with_capacity(claims.len());
    let mut queries = Vec::with_capacity(claims.len());
    for (at, keys) in keys.iter().enumerate() {
        if let Some(query) = MODES.into_iter().find_map(|mode| pair(keys, mode)) {
            asked.push(at);
            queries.push(query);
        }
    }
    ask(snapshot, &keys, (&asked, &queries), &mut found);

    asked.clear();
    queries.clear();
    for (at, keys) in keys.iter().enumerate() {
        let given = keys.iter().flatten().count();
        let agreeing = found[at].as_ref().map_or(0, |found: &Found<'_>| found.agreeing.len());
        if given > 2 && (agreeing as usize) < given {
            for query in MODES.into_iter().filter_map(|mode| pair(keys, mode)).skip(1) {
                asked.push(at);
                queries.push(query);
            }
        }
    }
    ask(snapshot, &keys, (&asked, &queries), &mut found);
    found
}

fn ask<'s>(
    snapshot: &'s Snapshot,
    keys: &[Keys<'_>],
    (asked, queries): (&[usize], &[Query<'_>]),
    found: &mut [Option<Found<'s>>],
) {
    snapshot.lookup_batch(queries, |query, view| {
        let at = asked[query];
        let agreeing: FieldSet = ClaimField::ALL
            .into_iter()
            .zip(&keys[at])
            .filter(|(_, key)| key.is_some_and(|key| key.agrees_with(&view)))
            .map(|(field, _)| field)
            .collect();
        let candidate = Found { view, agreeing, is_held: false };
        if found[at].as_ref().is_none_or(|best| is_before(&candidate, best)) {
            found[at] = Some(candidate);
        }
    });
}

fn is_before(a: &Found<'_>, b: &Found<'_>) -> bool {
    let rank = |found: &Found<'_>| (found.agreeing.len(), found.view.record.issue);
    let number = |found: &Found<'_>| Reverse(found.view.certificate_number().as_str().to_owned());
    rank(a).cmp(&rank(b)).then_with(|| number(a).cmp(&number(b))).is_gt()
}
