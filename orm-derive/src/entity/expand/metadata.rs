//! The description of the type, as one constant.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::properties::Properties;
use crate::entity::attrs::{ActionKind, CheckAttr, FieldPath, Literal};
use crate::entity::model::{
    ColumnDefault, EntityModel, FieldModel, KeySource, Notes, Reference, Relation, Scalar, Side, Source,
};
use crate::support::case::Case;
use crate::support::tokens::option;
use crate::support::value::Text;

pub(super) fn expand(model: &EntityModel) -> TokenStream {
    let (o, name) = (&model.orm, model.name());
    let (table, schema) = (option(model.table.as_ref()), option(model.schema.as_ref()));
    let rename_all = model.rename_all.map(Case::variant);
    let rename_all = option(rename_all.map(|case| quote!(#o::Case::#case)));
    let Properties { declared, properties, embeddings } = Properties::of(model);
    let relations = model.relations().map(|(field, relation)| self::relation(model, field, relation));
    let indexes = indexes(model);
    let table_notes = table_notes(model);
    let (ident, filters) = (&model.ident, &model.filters);
    let description = quote! {
        &#o::EntityDescription {
            name: #name,
            table: #table,
            schema: #schema,
            rename_all: #rename_all,
            properties: #properties,
            embeddings: #embeddings,
            relations: &[#(#relations),*],
            indexes: #indexes,
            filters: &[#(#o::RegisteredFilter::declared::<#ident, #filters>),*],
            #table_notes
            ..#o::EntityDescription::BLANK
        }
    };
    match declared {
        Some(declared) => quote!({ #declared #description }),
        None => description,
    }
}

pub(super) fn scalar(model: &EntityModel, field: &FieldModel, scalar: &Scalar) -> TokenStream {
    let (o, name, json, hidden) = (&model.orm, &field.name, &field.json, field.hidden);
    let Scalar { property, concurrency_check, unique, index, .. } = scalar;
    let column = &scalar.column.as_ref().into_iter().collect::<Vec<_>>();
    let id = scalar.key.is_some();
    let auto = matches!(scalar.key, Some(KeySource::Database));
    let version = scalar.version.is_some();
    let soft_delete = scalar.soft_delete.is_some();
    let default = option(scalar.default.as_ref().map(|literal| default(o, literal)));
    let length = option(scalar.length);
    let codec = scalar.codec(o);
    let notes = notes(&field.notes);
    let generated = scalar.generated.as_ref().map(|generated| {
        let sql = generated.sql.literal();
        let storage = if generated.is_virtual { quote!(Virtual) } else { quote!(Stored) };
        let generated = quote!(#o::Generated { expression: #sql, storage: #o::GeneratedStorage::#storage });
        quote!(generated: ::core::option::Option::Some(#generated),)
    });
    quote! {
        #o::PropertyDescription {
            name: #name,
            json: #json,
            columns: &[#(#column),*],
            kind: #codec::shape::<__Property<#property>>(),
            id: #id,
            auto: #auto,
            version: #version,
            soft_delete: #soft_delete,
            concurrency_check: #concurrency_check,
            unique: #unique,
            index: #index,
            hidden: #hidden,
            default: #default,
            length: #length,
            #generated
            #notes
            ..#o::PropertyDescription::BLANK
        }
    }
}

pub(super) fn reference(
    model: &EntityModel,
    field: &FieldModel,
    relation: usize,
    reference: &Reference,
) -> TokenStream {
    let (o, name, json, hidden) = (&model.orm, &field.name, &field.json, field.hidden);
    let Reference { columns, id, concurrency_check, unique, index, .. } = reference;
    let notes = notes(&field.notes);
    quote! {
        #o::PropertyDescription {
            name: #name,
            json: #json,
            columns: &[#(#columns),*],
            kind: #o::PropertyShape::Reference(#relation),
            id: #id,
            auto: false,
            version: false,
            soft_delete: false,
            concurrency_check: #concurrency_check,
            unique: #unique,
            index: #index,
            hidden: #hidden,
            default: ::core::option::Option::None,
            length: ::core::option::Option::None,
            #notes
            ..#o::PropertyDescription::BLANK
        }
    }
}

fn default(o: &TokenStream, default: &ColumnDefault) -> TokenStream {
    match default {
        ColumnDefault::Literal(Literal::Bool(value)) => quote!(#o::DefaultValue::Bool(#value)),
        ColumnDefault::Literal(Literal::Int(value)) => quote!(#o::DefaultValue::Int(#value)),
        ColumnDefault::Literal(Literal::Float(value)) => quote!(#o::DefaultValue::Float(#value)),
        ColumnDefault::Literal(Literal::Text(value)) => quote!(#o::DefaultValue::Text(#value)),
        ColumnDefault::Sql(text) => {
            let sql = text.literal();
            quote!(#o::DefaultValue::Expression(#sql))
        }
    }
}

/// What the schema says of a column; nothing for what is not said.
fn notes(notes: &Notes) -> TokenStream {
    let renamed_from = given("renamed_from", notes.renamed_from.as_ref());
    let comment = given("comment", notes.comment.as_ref());
    quote!(#renamed_from #comment)
}

/// What the schema says of the table; nothing for what is not said.
fn table_notes(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let source = match &model.source {
        Source::Table => None,
        Source::View(select) => Some(quote!(source: #o::Source::View { select: #select },)),
        Source::External => Some(quote!(source: #o::Source::External,)),
    };
    let renamed_from = given("renamed_from", model.renamed_from.as_ref());
    let comment = given("comment", model.comment.as_ref());
    let checks = checks(model);
    quote!(#source #renamed_from #comment #checks)
}

fn given(field: &str, text: Option<&Text>) -> Option<TokenStream> {
    let (field, text) = (format_ident!("{field}"), text?.literal());
    Some(quote!(#field: ::core::option::Option::Some(#text),))
}

fn checks(model: &EntityModel) -> Option<TokenStream> {
    let o = &model.orm;
    let check = |check: &CheckAttr, fields: Vec<String>| {
        let (name, sql) = (option(check.name.as_ref().map(Text::literal)), check.sql.literal());
        quote!(#o::CheckDescription { properties: &[#(#fields),*], name: #name, expression: #sql })
    };
    let of_struct =
        model.checks.iter().map(|one| check(one, one.fields.iter().map(FieldPath::name).collect()));
    let of_fields = model
        .fields
        .iter()
        .filter_map(|field| field.notes.check.as_ref().map(|one| check(one, vec![field.name.clone()])));
    let all: Vec<TokenStream> = of_struct.chain(of_fields).collect();
    (!all.is_empty()).then(|| quote!(checks: &[#(#all),*],))
}

/// What differs between the sides of relations; the rest is empty.
#[derive(Default)]
struct Parts {
    shape: TokenStream,
    property: Option<TokenStream>,
    nullable: bool,
    unique: bool,
    pivot_table: Option<String>,
    join_columns: Vec<String>,
    inverse_join_columns: Vec<String>,
    on_delete: Option<ActionKind>,
    on_update: Option<ActionKind>,
    order_by: Vec<TokenStream>,
    may_be_missing: bool,
}

impl Parts {
    fn of(model: &EntityModel, field: &FieldModel, side: &Side) -> Self {
        match side {
            Side::Reference(reference) => Self {
                shape: quote!(Reference),
                property: Some(model.place(field)),
                nullable: reference.nullable,
                // A foreign key that is the whole primary key is one-to-one without saying so.
                unique: reference.unique || (reference.id && model.keys().count() == 1),
                on_delete: reference.on_delete,
                on_update: reference.on_update,
                may_be_missing: reference.may_be_missing,
                ..Self::default()
            },
            Side::InverseReference { .. } => {
                Self { shape: quote!(InverseReference), nullable: true, ..Self::default() }
            }
            Side::Collection(collection) => Self {
                shape: match collection.mapped_by {
                    Some(_) => quote!(InverseCollection),
                    None => quote!(OwningCollection),
                },
                pivot_table: collection.pivot_table.clone(),
                join_columns: collection.join_columns.clone(),
                inverse_join_columns: collection.inverse_join_columns.clone(),
                on_delete: collection.on_delete,
                on_update: collection.on_update,
                order_by: collection
                    .order_by
                    .iter()
                    .flat_map(|order| &order.terms)
                    .map(|term| {
                        let (o, field, descending) = (&model.orm, &term.field, term.descending);
                        quote!(#o::OrderDescription { property: #field, descending: #descending })
                    })
                    .collect(),
                ..Self::default()
            },
        }
    }
}

fn relation(model: &EntityModel, field: &FieldModel, relation: &Relation) -> TokenStream {
    let (o, name, json, hidden) = (&model.orm, &field.name, &field.json, field.hidden);
    let (target, eager) = (&relation.target, relation.eager);
    let (cascade_remove, orphan_removal) = (relation.cascade_remove, relation.orphan_removal);
    let mapped_by = option(relation.mapped_by().map(ToString::to_string));
    let action = |kind: Option<ActionKind>| {
        let variant = kind.map(ActionKind::variant);
        option(variant.map(|variant| quote!(#o::ReferentialAction::#variant)))
    };
    let parts = Parts::of(model, field, &relation.side);
    let Parts {
        shape, nullable, unique, join_columns, inverse_join_columns, order_by, may_be_missing, ..
    } = &parts;
    let pivot_renamed_from = match &relation.side {
        Side::Collection(_) => option(field.notes.renamed_from.as_ref().map(Text::literal)),
        Side::Reference(_) | Side::InverseReference { .. } => option(None::<&str>),
    };
    let (property, pivot_table) = (option(parts.property.as_ref()), option(parts.pivot_table.as_ref()));
    let (on_delete, on_update) = (action(parts.on_delete), action(parts.on_update));
    quote! {
        #o::RelationDescription {
            name: #name,
            json: #json,
            shape: #o::RelationShape::#shape,
            target_name: <#target as #o::Entity>::__NAME,
            target: #o::EntityType::of::<#target>,
            mapped_by: #mapped_by,
            property: #property,
            nullable: #nullable,
            unique: #unique,
            pivot_table: #pivot_table,
            pivot_renamed_from: #pivot_renamed_from,
            join_columns: &[#(#join_columns),*],
            inverse_join_columns: &[#(#inverse_join_columns),*],
            on_delete: #on_delete,
            on_update: #on_update,
            order_by: &[#(#order_by),*],
            eager: #eager,
            may_be_missing: #may_be_missing,
            cascade_remove: #cascade_remove,
            orphan_removal: #orphan_removal,
            hidden: #hidden,
        }
    }
}

fn indexes(model: &EntityModel) -> TokenStream {
    let o = &model.orm;
    let indexes = model.indexes.iter().map(|index| {
        let fields = index.attr.fields.iter().map(FieldPath::name);
        let unique = index.unique;
        let name = option(index.attr.name.as_ref().map(|name| name.literal()));
        let condition = option(index.attr.condition.as_ref().map(|condition| condition.literal()));
        quote! {
            #o::IndexDescription {
                properties: &[#(#fields),*],
                unique: #unique,
                name: #name,
                condition: #condition,
            }
        }
    });
    quote!(&[#(#indexes),*])
}
