//! "Did you mean": the nearest of some names.

/// The name that `written` was probably meant to be.
pub(crate) fn nearest<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let scored = names.iter().map(|name| (strsim::jaro_winkler(written, name), *name));
    scored.filter(|(score, _)| *score > 0.8).max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, name)| name)
}

/// `; did you mean `x`?`, or nothing.
pub(crate) fn did_you_mean(written: &str, names: &[&str]) -> String {
    nearest(written, names).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_another_word_is_not() {
        let names = ["id", "mapped_by", "many_to_many"];
        assert_eq!(nearest("maped_by", &names), Some("mapped_by"));
        assert_eq!(nearest("manytomany", &names), Some("many_to_many"));
        assert_eq!(nearest("primary_key", &names), None);
    }
}
