//! No lint speaks about what is emitted, however strict the user's crate is.

#![forbid(unsafe_code)]
#![forbid(nonstandard_style, missing_docs)]
#![deny(warnings, unused, rust_2018_idioms, future_incompatible, let_underscore)]
#![deny(
    elided_lifetimes_in_paths,
    explicit_outlives_requirements,
    missing_copy_implementations,
    missing_debug_implementations,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]

use orm_core::{Collection, Entity, EnumValue, NewtypeValue, Ref};

/// A state.
#[derive(EnumValue, Clone, Copy, Debug, Default)]
pub enum State {
    /// Open.
    #[default]
    Open,
}

/// A level.
#[derive(EnumValue, Clone, Copy, Debug, Default)]
#[enum_value(integer)]
enum Level {
    #[default]
    Low = -1,
    High = 1 << 40,
}

/// Pence.
#[derive(NewtypeValue, Clone, Copy, Debug, Default)]
pub struct Pence(i64);

/// An order; nothing of what is emitted for it is used.
#[derive(Entity, Clone, Debug, Default)]
#[entity(json = "camelCase", unique(state, total))]
pub struct Order {
    /// Its key.
    #[entity(id, auto)]
    pub id: i64,
    /// Its state.
    pub state: State,
    /// Its total.
    #[entity(hidden)]
    pub total: Pence,
    level: Level,
    #[entity(skip)]
    scratch: u8,
    /// Its lines.
    #[entity(mapped_by = "order", order_by = "number")]
    pub lines: Collection<Line>,
    #[entity(hidden)]
    next: Option<Ref<Order>>,
}

/// A line.
#[derive(Entity, Clone, Debug, Default)]
pub struct Line {
    /// Its order.
    #[entity(id)]
    pub order: Ref<Order>,
    /// Its number.
    #[entity(id)]
    pub number: i32,
    #[entity(many_to_many)]
    labels: Collection<Label>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Label {
    #[entity(id)]
    text: String,
    #[entity(mapped_by = "labels")]
    lines: Collection<Line>,
}

fn main() {
    drop((Order::default(), Line::default(), Label::default(), [Level::Low, Level::High]));
}
