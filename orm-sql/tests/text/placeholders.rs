//! Values stand where their placeholders do.
//!
//! Whenever a text is made, the values that sea-query placed are compared with those that the shape was read from,
//! and an error is given if one is not in its place. So it is enough that no operation gives that error, and that
//! a text from the cache comes with the same values as one made anew.

use orm_core::driver::{DeleteRow, OnConflict, UpdateRow, Write};
use orm_core::metadata::EntityMetadata;
use orm_core::value::KeyValues;
use orm_sql::{Statements, WriteStatement};

use crate::fixture::metadata;
use crate::operations::{Random, on};

/// Question marks outside of quoted names.
fn placeholders(sql: &str) -> usize {
    sql.split('"').step_by(2).map(|outside| outside.matches('?').count()).sum()
}

#[test]
fn in_three_thousand_queries() {
    let cached = Statements::sqlite();
    let mut random = Random::new(1);
    for _ in 0..3_000 {
        let select = random.select();
        let anew = Statements::sqlite().select(&select).unwrap();
        assert_eq!(placeholders(&anew.sql), anew.values.len(), "{}", anew.sql);
        for _ in 0..2 {
            assert_eq!(cached.select(&select).unwrap(), anew);
        }
        let count = Statements::sqlite().count(&select).unwrap();
        assert_eq!(placeholders(&count.sql), count.values.len(), "{}", count.sql);
        assert_eq!(cached.count(&select).unwrap(), count);
    }
}

#[test]
fn in_writes_of_every_kind() {
    let metadata = metadata();
    let cached = Statements::sqlite();
    let mut random = Random::new(2);
    for name in ["Author", "Book", "Tag", "Profile", "Category", "Seat", "Booking", "Note"] {
        let entity = metadata.entity_named(name).unwrap();
        for rows in [1, 2, 5] {
            for write in writes(&mut random, name, entity, rows) {
                let anew = Statements::sqlite().write(&write).unwrap();
                for WriteStatement { statement, .. } in &anew {
                    assert_eq!(placeholders(&statement.sql), statement.values.len(), "{}", statement.sql);
                }
                assert_eq!(cached.write(&write).unwrap(), anew);
            }
        }
    }
}

fn writes(random: &mut Random, name: &'static str, entity: &EntityMetadata, rows: usize) -> Vec<Write> {
    let on = on(name);
    let columns: Vec<&str> = entity.columns.iter().map(|column| column.name.as_str()).collect();
    let types: Vec<_> = entity.columns.iter().map(|column| column.column_type).collect();
    let mut row = || types.iter().map(|column_type| random.value(*column_type)).collect::<Vec<_>>();
    let values: Vec<_> = (0..rows).map(|_| row()).collect();
    let keys: Vec<KeyValues> = (0..rows).map(|_| random.key(entity)).collect();
    let updates = values.iter().zip(&keys).map(|(values, key)| UpdateRow {
        key: key.clone(),
        values: values.clone(),
        expected: vec![],
    });
    let mut writes = vec![
        on.insert(&columns, values.clone(), &[]),
        on.insert(&columns, values.clone(), &columns[..1]),
        on.insert(&[], vec![Vec::new(); rows], &columns),
        on.update(&columns, updates.collect(), &[]),
        on.delete(keys.clone()),
    ];
    let first = columns[0];
    let action = OnConflict::Update { columns: on.columns(&columns), set: Vec::new(), raised: Vec::new() };
    let conflicting: Vec<&str> = columns.clone();
    let distinct = values.iter().enumerate().filter(|(at, row)| !values[..*at].contains(row));
    let distinct: Vec<_> = distinct.map(|(_, row)| row.clone()).collect();
    writes.push(on.upsert(&columns, distinct, &conflicting, action, &columns));
    let gone = values
        .iter()
        .zip(&keys)
        .map(|(values, key)| DeleteRow { key: key.clone(), expected: values.clone() });
    writes.push(on.delete_expecting(gone.collect(), &columns));
    writes.push(on.update_where(&[(first, values[0][0].clone())], random.expression(entity, 3)));
    writes.push(on.delete_where(random.expression(entity, 3)));
    for write in writes.clone() {
        if matches!(write, Write::Update(_) | Write::Delete(_) | Write::Upsert(_)) {
            writes.push(on.guarded(write, random.expression(entity, 3)));
        }
    }
    for relation in entity
        .relations
        .iter()
        .filter(|relation| matches!(relation.kind, orm_core::metadata::RelationKind::ManyToMany { .. }))
    {
        let metadata = metadata();
        let target = metadata.entity(relation.target);
        let links: Vec<_> = keys.iter().map(|key| (key.clone(), random.key(target))).collect();
        writes.push(Write::Link(on.links(relation.name, links.clone())));
        writes.push(Write::Unlink(on.links(relation.name, links)));
    }
    writes
}
