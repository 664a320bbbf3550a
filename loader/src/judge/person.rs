//! Whether two certificates of one number are one person's.

use zhengcha_engine::Certificate;
use zhengcha_engine::key::normalize;

/// Equal normal ID number, or equal name and birth date. What the same person delivers again under
/// the same number is a correction; another person's is rule `conflict`.
#[must_use]
pub fn same_person(a: &Certificate, b: &Certificate) -> bool {
    a.id_number == b.id_number
        || (a.birth_date.is_some()
            && a.birth_date == b.birth_date
            && normalize::name_key(&a.name) == normalize::name_key(&b.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use zhengcha_engine::Date;

    #[test]
    fn by_number_or_by_name_and_birth_date() {
        let person = |name: &str, id: &str, birth_date| Certificate {
            name: name.into(),
            id_number: id.into(),
            birth_date,
            ..Certificate::default()
        };
        let day = Date::new(1981, 2, 28);
        let a = person("阿不都·热合曼", "1", day);
        assert!(same_person(&a, &person("白京", "1", None)));
        assert!(same_person(&a, &person("阿不都•热合曼", "2", day)));
        assert!(!same_person(&a, &person("阿不都·热合曼", "2", Date::new(1981, 2, 27))));
        assert!(!same_person(&a, &person("白京", "2", day)));
        let undated = person("白京", "1", None);
        assert!(!same_person(&undated, &person("白京", "2", None)), "no date is no evidence");
    }
}
