//! Versions of every kind, and fields that are compared.

use chrono::{DateTime, NaiveDateTime, Utc};
use orm_core::{Entity, NewtypeValue, Ref};

#[derive(NewtypeValue, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Revision(u32);

#[derive(NewtypeValue, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Changed(DateTime<Utc>);

#[derive(Entity, Clone, Debug, Default)]
struct Counted {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    revision: Revision,
    #[entity(concurrency_check)]
    name: Option<String>,
    #[entity(concurrency_check, unique)]
    mentor: Option<Ref<Self>>,
}

#[derive(Entity, Clone, Debug, Default)]
struct Dated {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    changed: Changed,
}

#[derive(Entity, Clone, Debug, Default)]
struct DatedWithoutZone {
    #[entity(id, auto)]
    id: i64,
    #[entity(version)]
    changed: NaiveDateTime,
}

fn main() {
    assert_eq!(Counted::REVISION.name(), "revision");
}
