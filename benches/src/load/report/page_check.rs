//! Checks that our own pages are sound HTML: every tag closed, ids unique, references met, nothing loaded.

use std::collections::HashSet;

/// Names of elements that have no end.
const VOID: [&str; 2] = ["meta", "img"];

/// Panics with the reason when the page is not sound.
pub(super) fn check(html: &str) {
    let mut rest = html.strip_prefix("<!doctype html>").expect("doctype");
    let (mut open, mut ids, mut referred) = (Vec::<&str>::new(), HashSet::new(), Vec::new());
    while let Some(start) = rest.find('<') {
        assert!(open.last() == Some(&"style") || !rest[..start].contains('>'), "stray >");
        let end = start + tag_end(&rest[start..]);
        let inner = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "closing tag");
            continue;
        }
        let is_closed = inner.ends_with('/');
        let inner = inner.trim_end_matches('/');
        let (name, attributes) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "tag {name:?}");
        assert!(!["script", "link", "iframe", "object", "image"].contains(&name), "{name}");
        for (key, value) in attributes_of(attributes) {
            assert!(!key.starts_with("on") && key != "src" && key != "style", "{key} on {name}");
            match key {
                "id" => assert!(ids.insert(value), "id {value} twice"),
                "href" => referred.push(value.strip_prefix('#').expect("only to this page")),
                "aria-labelledby" => referred.extend(value.split_whitespace()),
                _ => {}
            }
            let is_number = ["x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"];
            if is_number.contains(&key) {
                let number: f64 = value.parse().expect(key);
                assert!(number.is_finite() && number >= 0.0, "{key}=\"{value}\" on {name}");
            }
        }
        if !is_closed && !VOID.contains(&name) {
            open.push(name);
        }
    }
    assert!(open.is_empty(), "left open: {open:?}");
    for id in referred {
        assert!(ids.contains(id), "#{id} is not there");
    }
    for load in ["http:", "https:", "url(", "@import", "//"] {
        assert!(!html.contains(load), "{load} in the page");
    }
    assert!(!html.contains("NaN") && !html.contains("inf\""), "a figure that is none");
}

fn tag_end(text: &str) -> usize {
    let mut is_quoted = false;
    text.char_indices()
        .find(|(_, c)| {
            is_quoted ^= *c == '"';
            *c == '>' && !is_quoted
        })
        .expect("tag without end")
        .0
}

fn attributes_of(mut rest: &str) -> Vec<(&str, &str)> {
    let mut attributes = Vec::new();
    while let Some((key, after)) = rest.trim_start().split_once("=\"") {
        let (value, after) = after.split_once('"').expect("closing quote");
        attributes.push((key, value));
        rest = after;
    }
    assert!(rest.trim().is_empty(), "attribute without value: {rest:?}");
    attributes
}
