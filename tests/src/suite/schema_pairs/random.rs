//! Random schemas: three tables with the same names in each, so that two of them are far apart and have much in common.

use orm_core::metadata::description::{GeneratedStorage, ReferentialAction};
use orm_core::schema::{
    Check, Column, ColumnDefault, Enumeration, ForeignKey, GeneratedColumn, Schema, Table, TableIndex,
};
use orm_core::value::ColumnType;
use proptest::collection::vec;
use proptest::option::weighted;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::strategy::Just;

/// What a column may hold: its type, its labels if it is an enum, and a default.
type Kind = (ColumnType, Option<bool>, Option<ColumnDefault>);

/// How many kinds there are.
const KINDS: usize = 17;

fn kind(at: usize) -> Kind {
    match at {
        0 => (ColumnType::Int(16), None, Some(ColumnDefault::Int(7))),
        1 => (ColumnType::Int(32), None, Some(ColumnDefault::Int(-7))),
        2 => (ColumnType::Int(64), None, Some(ColumnDefault::Expression("1 + 1".into()))),
        3 => (ColumnType::Float, None, Some(ColumnDefault::Float(0.5))),
        4 => (ColumnType::Double, None, Some(ColumnDefault::Float(0.5))),
        5 => (ColumnType::Text, None, Some(ColumnDefault::Text("it's".into()))),
        6 => (ColumnType::Decimal, None, Some(ColumnDefault::Int(3))),
        7 => (ColumnType::Date, None, None),
        8 => (ColumnType::Bool, None, Some(ColumnDefault::Bool(true))),
        9 => (ColumnType::Text, Some(true), Some(ColumnDefault::Text("calm".into()))),
        10 => (ColumnType::Text, Some(false), Some(ColumnDefault::Text("calm".into()))),
        11 => (ColumnType::Bytes, None, None),
        12 => (ColumnType::Uuid, None, None),
        13 => (ColumnType::DateTime, None, None),
        14 => (ColumnType::Timestamp, None, None),
        15 => (ColumnType::Json, None, None),
        _ => (ColumnType::Array(&ColumnType::Int(32)), None, None),
    }
}

/// A schema.
pub(super) fn schema() -> impl Strategy<Value = Schema> {
    (vec(weighted(0.8, table()), 3), 0..LABELS.len()).prop_map(|(tables, labels)| {
        let named = tables.iter().enumerate();
        let mut made: Vec<Table> = named
            .filter_map(|(at, parts)| parts.as_ref().map(|parts| parts.table(at, LABELS[labels])))
            .collect();
        let is_number = |table: &&Table| table.columns[0] == Column::new("id", ColumnType::Int(64));
        let single: Vec<String> = made.iter().filter(is_number).map(|table| table.name.clone()).collect();
        for (table, parts) in made.iter_mut().zip(tables.iter().flatten()) {
            parts.refer(table, &single);
        }
        // Those that nothing requires come first.
        made.sort_by_key(|table| table.foreign_keys.len());
        Schema { tables: made, ..Schema::default() }
    })
}

/// The labels that the enums of a schema have.
const LABELS: [&[&str]; 4] =
    [&["calm", "rough"], &["calm", "rough", "it's wild"], &["rough", "calm"], &["calm"]];

#[derive(Clone, Debug)]
struct TableParts {
    key: u8,
    columns: Vec<Option<ColumnParts>>,
    indexes: Vec<Option<IndexParts>>,
    check: Option<i8>,
    generated: Option<bool>,
    reference: Option<(usize, Option<ReferentialAction>, bool)>,
    comment: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct ColumnParts {
    kind: usize,
    nullable: bool,
    has_default: bool,
    length: Option<u32>,
    comment: Option<&'static str>,
}

#[derive(Clone, Debug)]
struct IndexParts {
    column: usize,
    unique: bool,
    conditional: bool,
}

fn table() -> impl Strategy<Value = TableParts> {
    let index = (0..COLUMNS, any::<bool>(), any::<bool>())
        .prop_map(|(column, unique, conditional)| IndexParts { column, unique, conditional });
    let action = prop_oneof![
        Just(None),
        Just(Some(ReferentialAction::Cascade)),
        Just(Some(ReferentialAction::Restrict)),
    ];
    (
        0_u8..4,
        vec(weighted(0.6, column()), COLUMNS),
        vec(weighted(0.5, index), 2),
        weighted(0.5, -9_i8..0),
        weighted(0.3, any::<bool>()),
        weighted(0.5, (0_usize..3, action, any::<bool>())),
        comment(),
    )
        .prop_map(|(key, columns, indexes, check, generated, reference, comment)| TableParts {
            key,
            columns,
            indexes,
            check,
            generated,
            reference,
            comment,
        })
}

/// How many columns a table has beside its key.
const COLUMNS: usize = 4;

fn column() -> impl Strategy<Value = ColumnParts> {
    (0..KINDS, any::<bool>(), any::<bool>(), weighted(0.3, 10_u32..12), comment()).prop_map(
        |(kind, nullable, has_default, length, comment)| ColumnParts {
            kind,
            nullable,
            has_default,
            length,
            comment,
        },
    )
}

fn comment() -> impl Strategy<Value = Option<&'static str>> {
    prop_oneof![4 => Just(None), 1 => Just(Some("it's said")), 1 => Just(Some("said \"otherwise\""))]
}

impl TableParts {
    fn table(&self, at: usize, labels: &[&str]) -> Table {
        let name = format!("t{at}");
        let number = Column::new("n", ColumnType::Int(32));
        let mut columns = match self.key {
            0 | 1 => vec![Column::new("id", ColumnType::Int(64))],
            2 => vec![Column { length: Some(20), ..Column::new("id", ColumnType::Text) }],
            _ => vec![Column::new("a", ColumnType::Int(32)), Column::new("b", ColumnType::Int(16))],
        };
        let primary_key = columns.iter().map(|column| column.name.clone()).collect();
        columns.push(number);
        let own = self.columns.iter().enumerate();
        columns.extend(own.filter_map(|(at, parts)| parts.as_ref().map(|parts| parts.column(at, labels))));
        if let Some(is_sum) = self.generated {
            let expression = if is_sum { "n + 1" } else { "n * 2" }.to_owned();
            // Not every database computes a column when it is read.
            let storage = GeneratedStorage::Stored;
            let generated = Some(GeneratedColumn { expression, storage });
            columns.push(Column { nullable: true, generated, ..Column::new("g", ColumnType::Int(32)) });
        }
        let mut indexes = Vec::new();
        for (at, parts) in self.indexes.iter().enumerate() {
            let Some(parts) = parts else { continue };
            let is_ordered = |column: &&Column| {
                column.name == format!("c{}", parts.column)
                    && !matches!(
                        column.column_type,
                        ColumnType::Json | ColumnType::Bytes | ColumnType::Array(_)
                    )
            };
            let other = columns.iter().find(is_ordered).map(|column| column.name.clone());
            indexes.push(TableIndex {
                name: format!("{name}_i{at}"),
                columns: ["n".to_owned()].into_iter().chain(other).collect(),
                unique: parts.unique,
                condition: (parts.unique && parts.conditional).then(|| "n > 0".to_owned()),
            });
        }
        let check =
            self.check.map(|least| Check { name: format!("{name}_c"), expression: format!("n > {least}") });
        Table {
            comment: self.comment.map(str::to_owned),
            generated_key: (self.key == 0).then(|| "id".to_owned()),
            columns,
            primary_key,
            indexes,
            checks: check.into_iter().collect(),
            name,
            ..Table::default()
        }
    }

    /// Adds the foreign key, where what it leads to is there.
    fn refer(&self, table: &mut Table, single: &[String]) {
        let Some((target, on_delete, nullable)) = self.reference else { return };
        let target = format!("t{target}");
        // A required reference to itself is never met.
        if !single.contains(&target) || (target == table.name && !nullable) {
            return;
        }
        let name = format!("{}_f", table.name);
        table.columns.push(Column { nullable, ..Column::new("f", ColumnType::Int(64)) });
        table.indexes.push(TableIndex {
            name: format!("{name}_index"),
            columns: vec!["f".to_owned()],
            unique: false,
            condition: None,
        });
        table.foreign_keys.push(ForeignKey {
            name,
            columns: vec!["f".to_owned()],
            referenced_schema: None,
            referenced_table: target,
            referenced_columns: vec!["id".to_owned()],
            on_delete,
            on_update: None,
        });
    }
}

impl ColumnParts {
    fn column(&self, at: usize, labels: &[&str]) -> Column {
        let (column_type, is_named, default) = kind(self.kind);
        let enumeration = is_named.map(|is_named| Enumeration {
            name: is_named.then(|| "weather".to_owned()),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        });
        let has_length = matches!(column_type, ColumnType::Text | ColumnType::Bytes) && enumeration.is_none();
        Column {
            nullable: self.nullable,
            default: default.filter(|_| self.has_default),
            length: self.length.filter(|_| has_length),
            comment: self.comment.map(str::to_owned),
            enumeration,
            ..Column::new(format!("c{at}"), column_type)
        }
    }
}
