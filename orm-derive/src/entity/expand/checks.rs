//! What only the compiler can check, since it concerns other types: const assertions at the attributes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;

use crate::entity::attrs::{FieldPath, MakerAttr};
use crate::entity::model::{Embedding, EntityModel, FieldModel, Relation, Side};
use crate::support::shape::word_of;
use crate::support::tokens::at;

pub(super) fn expand(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let types = model.scalars().flat_map(|(_, scalar)| {
        let property = scalar.property;
        scalar.must_be.iter().map(move |requirement| {
            let check = Ident::new(requirement.check, Span::call_site());
            let condition = quote!(#o::emitted::#check::<__Property<#property>>());
            assert(requirement.span, &condition, requirement.message)
        })
    });
    let nows = model.scalars().flat_map(|(_, scalar)| {
        let makers = scalar.made.on_create.iter().chain(&scalar.made.on_update);
        makers.filter_map(|maker| is_temporal(o, scalar.property, maker)).collect::<Vec<_>>()
    });
    let mapped = model.relations().filter_map(|(_, relation)| mapped_by(model, relation));
    let orders = model.relations().flat_map(|(_, relation)| orders(model, relation));
    let of_indexes = model.indexes.iter().flat_map(|index| &index.attr.fields);
    let named = of_indexes.chain(model.checks.iter().flat_map(|check| &check.fields));
    let named = named.filter(|field| field.is_embedded()).map(|field| has_embedded(model, field));
    let absent =
        model.embedded().map(|(field, embedding)| makes_nothing_while_absent(model, field, embedding));
    types.chain(nows).chain(mapped).chain(orders).chain(absent).chain(named).collect()
}

/// A name leads into a struct that another derive knows.
fn has_embedded(model: &EntityModel, field: &FieldPath) -> TokenStream {
    let (o, ident, name) = (&model.orm, &model.ident, field.name());
    let message = format!("`{}` has no embedded field `{name}` with a column", model.name());
    assert(field.span(), &quote!(#o::emitted::has_column::<#ident>(#name)), &message)
}

/// A value that is made would be alone in the columns of a struct that is absent.
fn makes_nothing_while_absent(model: &EntityModel, field: &FieldModel, embedding: &Embedding) -> TokenStream {
    let (o, index) = (&model.orm, embedding.index);
    let message = format!(
        "`{}` may be absent, and then its fields with `on_create` or `on_update` can't be made; remove the `Option`, or \
         make them in the program",
        field.name,
    );
    assert(word_of(&field.ty), &quote!(#o::emitted::embedded::can_be_made::<__Embedded<#index>>()), &message)
}

fn is_temporal(o: &TokenStream, property: usize, maker: &MakerAttr) -> Option<TokenStream> {
    let MakerAttr::Now(span) = maker else { return None };
    let message = "`now` is a point in time, so its field is a timestamp, a date or a time; for another type write the path \
                   of a function";
    Some(assert(*span, &quote!(#o::emitted::is_temporal::<__Property<#property>>()), message))
}

fn mapped_by(model: &EntityModel, relation: &Relation) -> Option<TokenStream> {
    let field = relation.mapped_by()?;
    let (o, marker, target, name) = (&model.orm, &relation.marker, &relation.target_name, model.name());
    let back = assert(
        field.span(),
        &quote!(#o::emitted::is_owned_by_target::<#marker>()),
        &format!(
            "mapped_by = \"{field}\": `{target}` has no relation `{field}` that leads to `{name}` and owns it"
        ),
    );
    let uniquely = matches!(relation.side, Side::InverseReference { .. }).then(|| {
        assert(
            field.span(),
            &quote!(#o::emitted::is_owned_uniquely::<#marker>()),
            &format!(
                "mapped_by = \"{field}\": several `{target}` may refer to one `{name}`; mark `{target}`'s \
                 field `{field}` with `unique`, or make this field a `Collection<{target}>`",
            ),
        )
    });
    Some(quote!(#back #uniquely))
}

fn orders(model: &EntityModel, relation: &Relation) -> Vec<TokenStream> {
    let Side::Collection(collection) = &relation.side else { return Vec::new() };
    let Some(order_by) = &collection.order_by else { return Vec::new() };
    let (o, marker, target) = (&model.orm, &relation.marker, &relation.target_name);
    let check = |order: &crate::entity::attrs::Order| {
        let field = &order.field;
        let condition = quote!(#o::emitted::target_has_column::<#marker>(#field));
        let message = format!("order_by: `{target}` has no field `{field}` with a column");
        assert(order_by.span, &condition, &message)
    };
    order_by.terms.iter().map(check).collect()
}

fn assert(span: Span, condition: &TokenStream, message: &str) -> TokenStream {
    // Braces in a field's name can't be, but the message is a format string.
    let message = message.replace('{', "{{").replace('}', "}}");
    quote_spanned!(at(span)=> const _: () = ::core::assert!(#condition, #message);)
}
