//! From a condition as written to one that a driver can take. Pure.

use crate::condition::{
    Aggregation, Arithmetic, Comparison, Expression, Fragment, FragmentPart, ListMatch, Quantifier, Term,
    TextMatch,
};
use crate::entity::Region;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, EntityMetadata, Metadata};
use crate::value::Value;

/// Replaces references to entities of this context by keys, and reports values that no column can hold.
///
/// # Errors
///
/// [`Error::Value`] and [`Error::ForeignEntity`].
pub(crate) fn resolve(region: &Region, entity: EntityId, expression: Expression) -> Result<Expression> {
    let meta = region.entity(entity);
    Ok(match expression {
        Expression::And(all) => Expression::And(resolve_all(region, entity, all)?),
        Expression::Or(any) => Expression::Or(resolve_all(region, entity, any)?),
        Expression::Not(inner) => Expression::Not(Box::new(resolve(region, entity, *inner)?)),
        Expression::Related { relation, quantifier, inner } => {
            let target = meta.relations[relation].target;
            Expression::Related { relation, quantifier, inner: Box::new(resolve(region, target, *inner)?) }
        }
        Expression::References { property, cell } if cell.context == region.id() => {
            match region.key(cell.id) {
                Some(key) => Expression::KeyIn { property: Some(property), keys: vec![key] },
                // No row can point to what was never inserted.
                None => Expression::never(),
            }
        }
        Expression::References { cell, .. } => {
            let key = crate::error::EntityKey::new(region.entity(cell.id.entity).name, Default::default());
            return Err(Error::ForeignEntity { key, expected: region.id(), found: cell.context });
        }
        Expression::Invalid { property, error } => {
            let property = &meta.properties[property];
            return Err(Error::Value {
                entity: meta.name,
                field: property.name,
                column: meta.columns[property.columns.start].name.clone(),
                source: error,
            });
        }
        Expression::CompareTerms { left, comparison, right } => {
            check(meta, &left)?;
            check(meta, &right)?;
            Expression::CompareTerms { left, comparison, right }
        }
        Expression::TermIn { ref term, .. }
        | Expression::TermIsNull { ref term }
        | Expression::TermText { ref term, .. } => {
            check(meta, term)?;
            expression
        }
        Expression::Fragment(fragment) => {
            fragment.terms().try_for_each(|term| check(meta, term))?;
            Expression::Fragment(fragment)
        }
        leaf @ (Expression::Compare { .. }
        | Expression::In { .. }
        | Expression::IsNull { .. }
        | Expression::Between { .. }
        | Expression::Text { .. }
        | Expression::List { .. }
        | Expression::KeyIn { .. }) => leaf,
    })
}

/// Reports a value in a term that no column can hold.
///
/// # Errors
///
/// [`Error::Value`].
pub(crate) fn check(meta: &EntityMetadata, term: &Term) -> Result<()> {
    let Some(source) = term.invalid().cloned() else { return Ok(()) };
    let property = first_property(term).and_then(|property| meta.properties.get(property));
    let (field, column) = property.map_or(("an expression", String::new()), |property| {
        (property.name, meta.columns[property.columns.start].name.clone())
    });
    Err(Error::Value { entity: meta.name, field, column, source })
}

fn first_property(term: &Term) -> Option<usize> {
    term.as_property().or_else(|| term.parts().find_map(first_property))
}

fn resolve_all(region: &Region, entity: EntityId, list: Vec<Expression>) -> Result<Vec<Expression>> {
    list.into_iter().map(|expression| resolve(region, entity, expression)).collect()
}

/// A condition for a message: fields and operators, never values.
pub(crate) fn describe(metadata: &Metadata, entity: EntityId, expression: &Expression) -> String {
    let meta = metadata.entity(entity);
    let field = |property: usize| meta.properties[property].name;
    match expression {
        Expression::And(all) if all.is_empty() => "no condition".to_owned(),
        Expression::Or(any) if any.is_empty() => "never".to_owned(),
        Expression::And(all) => joined(metadata, entity, all, " and "),
        Expression::Or(any) => format!("({})", joined(metadata, entity, any, " or ")),
        Expression::Not(inner) => format!("not ({})", describe(metadata, entity, inner)),
        Expression::Compare { property, comparison, .. } => {
            format!("{} {} ?", field(*property), operator(*comparison))
        }
        Expression::CompareTerms { left, comparison, right } => {
            let (left, right) =
                (describe_term(metadata, entity, left), describe_term(metadata, entity, right));
            format!("{left} {} {right}", operator(*comparison))
        }
        Expression::TermIn { term, values } => {
            format!("{} in {} value(s)", describe_term(metadata, entity, term), values.len())
        }
        Expression::TermIsNull { term } => format!("{} is null", describe_term(metadata, entity, term)),
        Expression::TermText { term, matching, .. } => {
            format!("{} {} ?", describe_term(metadata, entity, term), text_operator(*matching))
        }
        Expression::Fragment(fragment) => describe_fragment(metadata, entity, fragment),
        Expression::In { property, values } => format!("{} in {} value(s)", field(*property), values.len()),
        Expression::IsNull { property } => format!("{} is null", field(*property)),
        Expression::Between { property, .. } => format!("{} between ? and ?", field(*property)),
        Expression::Text { property, matching, .. } => {
            format!("{} {} ?", field(*property), text_operator(*matching))
        }
        Expression::List { property, matching, list } => {
            let operator = match matching {
                ListMatch::ContainsAll => "contains all of",
                ListMatch::Overlaps => "contains one of",
            };
            let Value::Array(_, values) = list else { return format!("{} {operator} ?", field(*property)) };
            format!("{} {operator} {} value(s)", field(*property), values.len())
        }
        Expression::KeyIn { property, keys } => {
            let name = property.map_or_else(|| key_name(meta), |property| field(property).to_owned());
            format!("{name} in {} key(s)", keys.len())
        }
        Expression::Related { relation, quantifier, inner } => {
            let relation = &meta.relations[*relation];
            let quantifier = match quantifier {
                Quantifier::Is => "is",
                Quantifier::Some => "some",
                Quantifier::None => "none",
                Quantifier::Every => "every",
            };
            format!("{} {quantifier} ({})", relation.name, describe(metadata, relation.target, inner))
        }
        Expression::References { property, .. } | Expression::Invalid { property, .. } => {
            format!("{} = ?", field(*property))
        }
    }
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

fn text_operator(matching: TextMatch) -> &'static str {
    match matching {
        TextMatch::Like => "like",
        TextMatch::LikeIgnoringCase => "ilike",
        TextMatch::Contains => "contains",
        TextMatch::StartsWith => "starts with",
        TextMatch::EndsWith => "ends with",
    }
}

/// A term for a message: fields, operators and functions, never values.
pub(crate) fn describe_term(metadata: &Metadata, entity: EntityId, term: &Term) -> String {
    let nested = |term: &Term| describe_term(metadata, entity, term);
    match term {
        Term::Property { path, property } => {
            let mut name = String::new();
            let mut entity = entity;
            for relation in path {
                let relation = &metadata.entity(entity).relations[*relation];
                name = format!("{name}{}.", relation.name);
                entity = relation.target;
            }
            format!("{name}{}", metadata.entity(entity).properties[*property].name)
        }
        Term::Value(_) | Term::Invalid(_) => "?".to_owned(),
        Term::Arithmetic { operator, left, right } => {
            let operator = match operator {
                Arithmetic::Add => "+",
                Arithmetic::Subtract => "-",
                Arithmetic::Multiply => "*",
                Arithmetic::Divide => "/",
                Arithmetic::Remainder => "%",
            };
            format!("({} {operator} {})", nested(left), nested(right))
        }
        Term::Call { function, arguments } => {
            let arguments: Vec<String> = arguments.iter().map(nested).collect();
            format!("{function:?}({})", arguments.join(", ")).to_lowercase()
        }
        Term::Aggregate { aggregate, of } => {
            let of = of.as_ref().map_or_else(|| "*".to_owned(), |of| nested(of));
            let name = match aggregate {
                Aggregation::Count => "count",
                Aggregation::CountDistinct => return format!("count(distinct {of})"),
                Aggregation::Sum => "sum",
                Aggregation::Average => "avg",
                Aggregation::Min => "min",
                Aggregation::Max => "max",
            };
            format!("{name}({of})")
        }
        Term::When { then, .. } => nested(then),
        Term::Fragment(fragment) => describe_fragment(metadata, entity, fragment),
    }
}

fn describe_fragment(metadata: &Metadata, entity: EntityId, fragment: &Fragment) -> String {
    let parts = fragment.parts.iter().map(|part| match part {
        FragmentPart::Text(text) => text.to_string(),
        FragmentPart::Value(_) => "?".to_owned(),
        FragmentPart::Term(term) => describe_term(metadata, entity, term),
    });
    parts.collect()
}

fn joined(metadata: &Metadata, entity: EntityId, list: &[Expression], separator: &str) -> String {
    list.iter().map(|one| describe(metadata, entity, one)).collect::<Vec<_>>().join(separator)
}

fn key_name(entity: &EntityMetadata) -> String {
    entity.primary_key.iter().map(|property| entity.properties[*property].name).collect::<Vec<_>>().join(", ")
}
