//! The narrower of two visibilities.

use quote::ToTokens;
use syn::Visibility;

/// `field`, but no wider than `owner`: a type that names a private struct can't be wider than it.
pub(crate) fn narrower(owner: &Visibility, field: &Visibility) -> Visibility {
    if width(field) < width(owner) { field.clone() } else { owner.clone() }
}

/// Larger is wider. Two `pub(in ..)` count as equal.
fn width(visibility: &Visibility) -> u8 {
    match visibility {
        Visibility::Public(_) => 4,
        Visibility::Restricted(restricted) => {
            match restricted.path.to_token_stream().to_string().replace(' ', "").as_str() {
                "crate" => 3,
                "super" => 1,
                "self" => 0,
                _ => 2,
            }
        }
        Visibility::Inherited => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_narrower_one_wins() {
        check("pub", "", "");
        check("", "pub", "");
        check("pub(crate)", "pub", "pub (crate)");
        check("pub", "pub(super)", "pub (super)");
        check("pub(in crate::a)", "pub(crate)", "pub (in crate :: a)");
    }

    #[track_caller]
    fn check(owner: &str, field: &str, expected: &str) {
        let parse = |text| syn::parse_str::<Visibility>(text).map_err(|error| error.to_string());
        let narrow = parse(owner).and_then(|owner| Ok(narrower(&owner, &parse(field)?)));
        assert_eq!(narrow.map(|it| it.to_token_stream().to_string()), Ok(expected.to_owned()));
    }
}
