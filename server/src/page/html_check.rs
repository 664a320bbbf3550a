//! Checks that our own pages are sound HTML. For tests.
//!
//! Reads the narrow HTML our templates write (quoted attributes, no raw text elements, every tag closed
//! except void ones) and panics with the reason on anything else, so a page cannot drift out of it.

use std::collections::{HashMap, HashSet};

const VOID: [&str; 5] = ["meta", "link", "img", "input", "wbr"];
/// Attributes whose value names ids.
const REFERRING: [&str; 4] = ["for", "aria-describedby", "aria-labelledby", "aria-controls"];

pub(super) struct Tag {
    pub(super) name: String,
    pub(super) attributes: HashMap<String, String>,
}

impl Tag {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// Every start tag of the page, after checking that tags nest, ids are unique, every reference is met,
/// every input has a label, headings do not skip a rank, and nothing inline is there.
pub(super) fn check(html: &str) -> Vec<Tag> {
    let tags = parse(html);
    let mut ids = HashSet::new();
    for id in tags.iter().filter_map(|tag| tag.get("id")) {
        assert!(ids.insert(id), "id {id} twice");
    }
    for tag in &tags {
        for (name, value) in &tag.attributes {
            assert!(!name.starts_with("on"), "inline handler {name} on {}", tag.name);
            assert_ne!(name, "style", "inline style on {}", tag.name);
            assert!(!value.trim_start().starts_with("javascript:"), "script in {name}");
            if REFERRING.contains(&name.as_str()) {
                for id in value.split_whitespace() {
                    assert!(
                        ids.contains(id),
                        "{name} of {} names {id}, which is not there",
                        tag.name
                    );
                }
            }
        }
        if let Some(id) = tag.get("href").and_then(|href| href.strip_prefix('#')) {
            assert!(ids.contains(id), "link to #{id}, which is not there");
        }
        match tag.name.as_str() {
            "script" => assert!(tag.get("src").is_some(), "inline script"),
            "style" => panic!("inline style sheet"),
            "img" => assert!(tag.get("alt").is_some(), "image without alt"),
            "input" => {
                let id = tag.get("id").expect("input without id");
                let labels = tags
                    .iter()
                    .filter(|other| other.name == "label" && other.get("for") == Some(id));
                assert_eq!(labels.count(), 1, "labels of {id}");
            }
            _ => {}
        }
    }
    check_headings(&tags);
    tags
}

fn check_headings(tags: &[Tag]) {
    let mut last_rank = 0;
    for tag in tags {
        let Some(rank) = tag.name.strip_prefix('h').and_then(|rank| rank.parse::<u32>().ok())
        else {
            continue;
        };
        assert!(rank <= last_rank + 1, "h{rank} after h{last_rank}");
        last_rank = rank;
    }
    assert_eq!(tags.iter().filter(|tag| tag.name == "h1").count(), 1, "one h1");
    assert_eq!(tags.iter().filter(|tag| tag.name == "main").count(), 1, "one main");
    assert_eq!(tags.iter().filter(|tag| tag.name == "title").count(), 1, "one title");
    assert!(tags.iter().filter(|tag| tag.get("autofocus").is_some()).count() <= 1, "one focus");
}

fn parse(html: &str) -> Vec<Tag> {
    let mut rest = html.strip_prefix("<!doctype html>").expect("doctype");
    let (mut tags, mut open) = (Vec::new(), Vec::<String>::new());
    while let Some(start) = rest.find('<') {
        let text = &rest[..start];
        assert!(!text.contains('>'), "stray > in {text:?}");
        let end = tag_end(&rest[start..]) + start;
        let inner = &rest[start + 1..end];
        rest = &rest[end + 1..];
        if let Some(name) = inner.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "closing tag");
            continue;
        }
        let tag = parse_tag(inner);
        if !VOID.contains(&tag.name.as_str()) {
            open.push(tag.name.clone());
        }
        tags.push(tag);
    }
    assert!(open.is_empty(), "left open: {open:?}");
    tags
}

/// Where the tag at the start ends: the first `>` outside quotes.
fn tag_end(text: &str) -> usize {
    let mut quoted = false;
    for (at, character) in text.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '>' if !quoted => return at,
            _ => {}
        }
    }
    panic!("tag without end");
}

fn parse_tag(inner: &str) -> Tag {
    let (name, mut rest) = inner.split_once(char::is_whitespace).unwrap_or((inner, ""));
    assert!(
        !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit()),
        "tag {name:?}"
    );
    let mut attributes = HashMap::new();
    while !rest.trim_start().is_empty() {
        rest = rest.trim_start();
        let until = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let key = &rest[..until];
        assert!(key.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "attribute {key:?}");
        rest = &rest[until..];
        let mut value = "";
        if let Some(after) = rest.strip_prefix("=\"") {
            let close = after.find('"').expect("closing quote");
            (value, rest) = (&after[..close], &after[close + 1..]);
        } else {
            assert!(!rest.starts_with('='), "unquoted value of {key}");
        }
        let before = attributes.insert(key.to_owned(), value.to_owned());
        assert!(before.is_none(), "attribute {key} twice");
    }
    Tag { name: name.to_owned(), attributes }
}

mod tests {
    use super::check;

    fn is_refused(body: &str) -> bool {
        let page = format!(
            "<!doctype html><html><head><title>t</title></head><body><main><h1>x</h1>{body}</main></body></html>"
        );
        std::panic::catch_unwind(|| check(&page)).is_err()
    }

    #[test]
    fn the_check_itself_can_fail() {
        assert!(!is_refused("<p id=\"a\">sound</p><a href=\"#a\">x</a>"));
        for unsound in [
            "<p>",
            "<p></b>",
            "<p id=\"a\"></p><p id=\"a\"></p>",
            "<p onclick=\"x()\"></p>",
            "<p style=\"x\"></p>",
            "<a href=\"javascript:x\">x</a>",
            "<a href=\"#gone\">x</a>",
            "<script>x</script>",
            "<img src=\"x\">",
            "<input id=\"a\">",
            "<label for=\"gone\">x</label>",
            "<h3>x</h3>",
            "<h1>x</h1>",
            "a > b",
        ] {
            assert!(is_refused(unsound), "{unsound}");
        }
    }
}
