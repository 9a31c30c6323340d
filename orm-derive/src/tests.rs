//! Whole expansions, one a derive, to read what a change of the macros does to emitted code.
//!
//! Whether it is right is tested where it is compiled and run. `UPDATE_EXPECT=1` accepts the present output.

use expect_test::{ExpectFile, expect_file};
use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

#[test]
fn entity() {
    let book = quote! {
        #[entity(table = "books")]
        pub struct Book {
            #[entity(id, auto)]
            pub id: i64,
            title: String,
            pub author: Ref<Author>,
            #[entity(mapped_by = "book")]
            reviews: Collection<Review>,
        }
    };
    check(crate::entity::derive, book, &expect_file!["tests/entity.txt"]);
}

#[test]
fn enum_value() {
    let status = quote! {
        enum Status {
            Draft,
            #[enum_value(rename = "public")]
            Published,
        }
    };
    check(crate::enumeration::derive, status, &expect_file!["tests/enum_value.txt"]);
}

#[test]
fn newtype_value() {
    check(
        crate::newtype::derive,
        quote!(
            struct AuthorId(i64);
        ),
        &expect_file!["tests/newtype_value.txt"],
    );
}

#[test]
fn from_row() {
    let sales = quote! {
        #[from_row(rename_all = "camelCase")]
        struct Sales {
            book_title: String,
            #[from_row(column = "total")]
            sold: Option<i64>,
        }
    };
    check(crate::row::derive, sales, &expect_file!["tests/from_row.txt"]);
}

#[test]
fn sql() {
    let text = syn::parse_quote!("select {} from book where '{{}}' <> {title} and price > { price }");
    let tokens = crate::sql::expand(&text);
    let file = syn::parse2::<syn::File>(quote!(const SQL: Sql = #tokens;));
    let text = file.map_or_else(|error| error.to_string(), |file| prettyplease::unparse(&file));
    expect_file!["tests/sql.txt"].assert_eq(&text);
}

#[track_caller]
fn check(derive: fn(&DeriveInput) -> TokenStream, input: TokenStream, expected: &ExpectFile) {
    let tokens = syn::parse2(input).map(|input| derive(&input));
    let file = tokens.and_then(syn::parse2::<syn::File>);
    let text = file.map_or_else(|error| error.to_string(), |file| prettyplease::unparse(&file));
    expected.assert_eq(&text);
}
