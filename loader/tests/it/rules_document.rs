//! The operator's page names every rule and every field.

use zhengcha_loader::judge::{Rule, Severity};
use zhengcha_loader::layout::FieldName;

const PAGE: &str = include_str!("../../docs/INPUT.md");

#[test]
fn every_rule_is_explained_under_its_severity() {
    let (_, rules) = PAGE.split_once("## Rules that reject").expect("the chapter stands");
    let (reject, warn) = rules.split_once("## Rules that warn").expect("the chapter stands");
    for rule in Rule::ALL {
        let row = format!("\n| `{}` | ", rule.id());
        let (here, there) = match rule.severity() {
            Severity::Reject => (reject, warn),
            Severity::Warn => (warn, reject),
        };
        assert_eq!(here.matches(&row).count(), 1, "{}", rule.id());
        assert_eq!(there.matches(&row).count(), 0, "{}", rule.id());
    }
}

#[test]
fn every_field_is_explained() {
    for field in FieldName::ALL {
        assert!(PAGE.contains(&format!("| `{}` | ", field.name())), "{}", field.name());
    }
}
