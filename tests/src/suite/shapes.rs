//! Shapes of work for a flush, over one small set of rows, in the steps of [`crate::model`].

use crate::model::operation::{By, Operation as Step, Relation, Trouble};
use crate::model::reference::{Kind, Mark, ToOne};

/// Work that one flush writes.
#[derive(Debug)]
pub struct Shape {
    /// What it is.
    pub name: &'static str,
    /// Its steps.
    pub work: Vec<Step>,
}

/// Persons 1, 2 and 3, whose boss is 1; the items 11 and 12, made by 1, the first owned by 2; the tags 21 and 22, both
/// on 11; the badges 31, of person 1, and 32. All loaded, with their tags.
#[must_use]
pub fn seed() -> Vec<Step> {
    let mut steps = vec![
        coded(1, Kind::Person, 5, None),
        person(2, None),
        person(3, Some(1)),
        item(11, 1, Some(2)),
        item(12, 1, None),
        tag(21),
        tag(22),
        badge(31, Some(1)),
        badge(32, None),
        link(11, 21),
        link(11, 22),
        Step::Flush { context: 0, trouble: Trouble::None },
        Step::Clear { context: 0 },
    ];
    let populated = [None, Some(Relation::Tags), None, None];
    steps.extend(Kind::ALL.into_iter().zip(populated).map(|(kind, populate)| Step::FindAll {
        context: 0,
        kind,
        populate,
        meanwhile: None,
    }));
    steps
}

/// All of them.
#[must_use]
pub fn all() -> Vec<Shape> {
    [inserts(), updates(), deletes(), mixtures()].into_iter().flatten().collect()
}

/// New rows.
#[must_use]
pub fn inserts() -> Vec<Shape> {
    vec![
        shape("one insert", vec![person(4, None)]),
        shape("inserts with generated keys", vec![person(4, None), person(5, None), person(6, None)]),
        shape("references between new rows", vec![person(4, None), person(5, Some(4)), item(13, 4, Some(5))]),
        shape(
            "a circle, closed by an extra update",
            vec![person(4, None), person(5, Some(4)), relate(4, ToOne::Boss, Some(5))],
        ),
        shape("a row that refers to itself", vec![person(4, None), relate(4, ToOne::Boss, Some(4))]),
        shape(
            "levels of one type",
            vec![person(4, None), person(5, Some(4)), person(6, Some(5)), person(7, Some(6))],
        ),
        shape("a new row with a version", vec![badge(33, Some(2))]),
        shape("new rows, linked", vec![tag(23), item(13, 1, None), link(13, 23), link(13, 21), link(12, 23)]),
        shape("a new row that was removed again", vec![person(4, None), person(5, None), remove(4)]),
    ]
}

/// Changed rows.
#[must_use]
pub fn updates() -> Vec<Shape> {
    vec![
        shape("updates of one column", vec![value(1, 4), value(2, 4), value(3, 5)]),
        shape(
            "updates of different columns",
            vec![value(1, 4), code(2, Some(9)), relate(11, ToOne::Owner, Some(3))],
        ),
        shape("an update with a version", vec![value(31, 3), value(32, 4)]),
        shape("a one-to-one move", vec![relate(31, ToOne::Holder, Some(2))]),
        shape(
            "a one-to-one place, freed and taken",
            vec![relate(31, ToOne::Holder, None), relate(32, ToOne::Holder, Some(1))],
        ),
        shape(
            "a unique value, freed and taken by a new row",
            vec![code(1, None), coded(4, Kind::Person, 5, None)],
        ),
        shape("a reference emptied", vec![relate(3, ToOne::Boss, None), relate(11, ToOne::Owner, None)]),
        shape("a removal taken back", vec![remove(32), value(32, 2), Step::Persist { context: 0, mark: 32 }]),
    ]
}

/// Rows that go.
#[must_use]
pub fn deletes() -> Vec<Shape> {
    vec![
        shape("a delete", vec![remove(12)]),
        shape("a delete with its links", vec![remove(11)]),
        shape("deletes of several types", vec![remove(11), remove(12), remove(21), remove(32)]),
        shape("a delete that empties a reference", vec![remove(2)]),
        shape("a delete that empties what is written", vec![remove(2), value(11, 3)]),
        shape(
            "a delete of what was pointed away from",
            vec![
                relate(3, ToOne::Boss, Some(2)),
                relate(11, ToOne::Maker, Some(2)),
                relate(12, ToOne::Maker, Some(3)),
                relate(31, ToOne::Holder, None),
                remove(1),
            ],
        ),
        shape(
            "a delete after what referred to it",
            vec![remove(11), remove(12), remove(31), remove(3), remove(1)],
        ),
        shape("a tag unlinked and removed", vec![unlink(11, 21), remove(21)]),
    ]
}

/// Links, and everything at once.
#[must_use]
pub fn mixtures() -> Vec<Shape> {
    vec![
        shape("links added", vec![link(12, 21), link(12, 22)]),
        shape("links removed", vec![unlink(11, 21), unlink(11, 22)]),
        shape("links added and removed", vec![unlink(11, 21), link(12, 21), link(12, 22)]),
        shape("links set", vec![Step::SetLinks { context: 0, owner: 11, others: vec![22] }]),
        shape(
            "everything at once",
            vec![
                person(4, Some(2)),
                item(13, 4, Some(3)),
                tag(23),
                link(13, 23),
                unlink(11, 22),
                value(1, 5),
                value(31, 5),
                relate(11, ToOne::Owner, Some(4)),
                remove(12),
                remove(32),
            ],
        ),
        shape("nothing but edits that are equal again", vec![value(1, 3), value(1, 0), value(2, 1)]),
    ]
}

fn shape(name: &'static str, work: Vec<Step>) -> Shape {
    Shape { name, work }
}

/// A new person.
#[must_use]
pub fn person(mark: Mark, boss: Option<Mark>) -> Step {
    Step::Create { context: 0, mark, kind: Kind::Person, code: None, target: boss, other: None }
}

/// A new item.
#[must_use]
pub fn item(mark: Mark, maker: Mark, owner: Option<Mark>) -> Step {
    Step::Create { context: 0, mark, kind: Kind::Item, code: None, target: Some(maker), other: owner }
}

/// A new tag.
#[must_use]
pub fn tag(mark: Mark) -> Step {
    Step::Create { context: 0, mark, kind: Kind::Tag, code: None, target: None, other: None }
}

/// A new badge.
#[must_use]
pub fn badge(mark: Mark, holder: Option<Mark>) -> Step {
    Step::Create { context: 0, mark, kind: Kind::Badge, code: None, target: holder, other: None }
}

/// A new entity with a unique value.
#[must_use]
pub fn coded(mark: Mark, kind: Kind, code: i64, target: Option<Mark>) -> Step {
    Step::Create { context: 0, mark, kind, code: Some(code), target, other: None }
}

/// An edit of a number.
#[must_use]
pub fn value(mark: Mark, value: i64) -> Step {
    Step::SetValue { context: 0, mark, value }
}

/// An edit of a unique value.
#[must_use]
pub fn code(mark: Mark, code: Option<i64>) -> Step {
    Step::SetCode { context: 0, mark, code }
}

/// An edit of a reference.
#[must_use]
pub fn relate(mark: Mark, relation: ToOne, target: Option<Mark>) -> Step {
    Step::Relate { context: 0, mark, relation, target, by: By::Handle }
}

/// A new link.
#[must_use]
pub fn link(item: Mark, tag: Mark) -> Step {
    Step::Link { context: 0, item, tag, from: Kind::Item }
}

/// A link that goes.
#[must_use]
pub fn unlink(item: Mark, tag: Mark) -> Step {
    Step::Unlink { context: 0, item, tag, from: Kind::Tag }
}

/// A removal.
#[must_use]
pub fn remove(mark: Mark) -> Step {
    Step::Remove { context: 0, mark }
}
