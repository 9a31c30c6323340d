//! What is printed, as data: names chosen, attributes said, in the order in which they stand.

use std::collections::HashSet;

use super::super::{Check, Column, ColumnDefault, Enumeration, Table, TableIndex, UnderstoodSchema};
use super::names::{Names, field_name, in_source, is_free_relation, is_free_type, plural, type_name};
use super::relations::{Reference, Relations, Role, can_be_named, column_of};
use crate::metadata::description::{GeneratedStorage, ReferentialAction};
use crate::metadata::{NamingStrategy, bounded_name, snake_case};
use crate::value::ColumnType;

/// Everything that is printed.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) enums: Vec<EnumPlan>,
    pub(super) entities: Vec<EntityPlan>,
    /// Tables that there is no entity for, and why.
    pub(super) left_out: Vec<String>,
}

#[derive(Debug)]
pub(super) struct EnumPlan {
    pub(super) name: String,
    pub(super) attributes: Vec<String>,
    /// The variants, with what says their text where the name does not.
    pub(super) variants: Vec<(String, Option<String>)>,
}

#[derive(Debug)]
pub(super) struct EntityPlan {
    pub(super) name: String,
    pub(super) attributes: Vec<String>,
    /// What of the table is left out.
    pub(super) notes: Vec<String>,
    pub(super) fields: Vec<FieldPlan>,
}

#[derive(Debug)]
pub(super) struct FieldPlan {
    /// Without `r#`.
    pub(super) name: String,
    pub(super) attributes: Vec<String>,
    pub(super) field_type: String,
    /// The columns that it is.
    columns: Vec<String>,
}

/// Decides what is printed of a database.
pub(super) fn plan(understood: &UnderstoodSchema, naming: &dyn NamingStrategy) -> Plan {
    let mut tables: Vec<&Table> = understood.schema.tables.iter().collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    let relations = Relations::of(tables);
    let mut planner = Planner {
        structs: Vec::new(),
        types: Names::default(),
        enums: Vec::new(),
        entities: Vec::new(),
        fields: Vec::new(),
        relations: &relations,
        naming,
    };
    planner.name_structs();
    for at in 0..relations.tables.len() {
        planner.entity(at, understood);
    }
    for at in 0..relations.tables.len() {
        planner.other_sides(at);
    }
    for at in 0..relations.tables.len() {
        planner.pivot(at);
    }
    let entities = planner.entities.into_iter().flatten().collect();
    let enums = planner.enums.into_iter().map(|(_, plan)| plan).collect();
    Plan { enums, entities, left_out: left_out(understood, &relations) }
}

fn left_out(understood: &UnderstoodSchema, relations: &Relations<'_>) -> Vec<String> {
    let without_entity =
        relations.tables.iter().zip(&relations.roles).filter_map(|(table, role)| match role {
            Role::LeftOut(why) => {
                let reads = if table.primary_key.is_empty() { read_only(&table.name) } else { String::new() };
                Some(format!("`{}` is left out: {why}. {reads}", table.name).trim_end().to_owned())
            }
            Role::Entity | Role::Pivot => None,
        });
    let views = &understood.schema.views;
    let is_known = |name: &str| {
        relations.tables.iter().any(|table| table.name == name) || views.iter().any(|view| view.name == name)
    };
    let others = understood.left_out.iter().filter(|one| !is_known(&one.table.name));
    let views = views.iter().map(|view| {
        let reads = read_only(&view.name);
        format!("`{}` is left out: it is a view, whose key the database does not know. {reads}", view.name)
    });
    let mut left_out: Vec<String> = without_entity
        .chain(others.map(|one| format!("`{}` is left out: {}.", one.table, one.what)))
        .chain(views)
        .collect();
    left_out.sort();
    left_out
}

/// How the program reads what no key is known of. A key that is guessed would take different rows for one.
fn read_only(name: &str) -> String {
    format!(
        "A struct with `#[entity(table = {name:?}, read_only)]` reads it, with `id` on the fields that no two rows agree in."
    )
}

struct Planner<'a> {
    relations: &'a Relations<'a>,
    naming: &'a dyn NamingStrategy,
    types: Names,
    /// By tables, as everything below.
    structs: Vec<String>,
    entities: Vec<Option<EntityPlan>>,
    fields: Vec<Names>,
    /// With the type, or the table and the column, that each is of.
    enums: Vec<((String, Option<String>), EnumPlan)>,
}

fn alone(name: &str) -> Vec<String> {
    vec![name.to_owned()]
}

/// A struct with the types that are made for it.
fn with_record(name: &str) -> Vec<String> {
    vec![name.to_owned(), format!("{name}Handle"), format!("{name}Populated")]
}

/// A relation with its accessors.
fn with_accessors(name: &str) -> Vec<String> {
    vec![name.to_owned(), format!("try_{name}"), format!("{name}_ref")]
}

impl<'a> Planner<'a> {
    fn name_structs(&mut self) {
        for (table, role) in self.relations.tables.iter().zip(&self.relations.roles) {
            let name = match role {
                Role::Entity => {
                    let wanted = type_name(&table.name, "Row");
                    let candidates = [wanted.clone(), format!("{wanted}Row")];
                    self.types.take(&candidates, is_free_type, with_record)
                }
                Role::Pivot | Role::LeftOut(_) => String::new(),
            };
            self.structs.push(name);
        }
    }

    /// The entity of a table, with its own columns.
    fn entity(&mut self, at: usize, understood: &UnderstoodSchema) {
        self.fields.push(Names::default());
        self.entities.push(None);
        if self.relations.roles[at] != Role::Entity {
            return;
        }
        let table = self.relations.tables[at];
        let of_table = understood.left_out.iter().filter(|one| one.table.name == table.name);
        let mut notes: Vec<String> = of_table.map(|one| one.what.clone()).collect();
        notes.extend(self.relations.left_out[at].iter().cloned());
        let references = &self.relations.references[at];
        let is_scalar = |name: &str| !references.iter().any(|reference| reference.columns.contains(&name));
        let mut scalars: Vec<(&Column, FieldPlan)> = Vec::new();
        let mut seen = HashSet::new();
        for column in in_order(table) {
            if !can_be_named(&column.name) || !seen.insert(column.name.to_lowercase()) {
                notes.push(format!("the column `{}`, whose name is blank or has control characters, or is another's in another case", column.name));
            } else if is_scalar(&column.name) {
                scalars.push((column, self.scalar(at, table, column, &mut notes)));
            }
        }
        let mut fields: Vec<FieldPlan> = Vec::new();
        let planned: Vec<FieldPlan> =
            references.iter().map(|reference| self.reference(at, reference, &mut notes)).collect();
        let mut planned: Vec<Option<FieldPlan>> = planned.into_iter().map(Some).collect();
        for column in in_order(table) {
            let scalar = scalars.iter().position(|(other, _)| other.name == column.name);
            if let Some(place) = scalar {
                fields.push(scalars.remove(place).1);
            }
            let begins =
                references.iter().position(|reference| reference.columns.contains(&column.name.as_str()));
            fields.extend(begins.and_then(|place| planned[place].take()));
        }
        let mut attributes = vec![format!("table = {:?}", table.name)];
        attributes.extend(said(table.comment.as_deref()).map(|comment| format!("comment = {comment:?}")));
        let mut entity = EntityPlan { name: self.structs[at].clone(), attributes, notes, fields };
        for index in in_name_order(&table.indexes, |index| &index.name) {
            self.index(table, references, index, &mut entity);
        }
        self.checks(table, &mut entity);
        self.entities[at] = Some(entity);
    }

    fn scalar(&mut self, at: usize, table: &Table, column: &Column, notes: &mut Vec<String>) -> FieldPlan {
        let name = self.fields[at].take(&[field_name(&column.name)], |_| true, alone);
        let is_key = table.primary_key.contains(&column.name);
        let mut attributes = Vec::new();
        attributes.extend(is_key.then(|| "id".to_owned()));
        attributes.extend((table.generated_key.as_ref() == Some(&column.name)).then(|| "auto".to_owned()));
        if self.naming.column(&name) != column.name {
            attributes.push(format!("column = {:?}", column.name));
        }
        match column.default.as_ref().map(default_attribute) {
            Some(default) if is_key => {
                notes.push(format!(
                    "the `{default}` of the key `{}`, since the program makes keys",
                    column.name
                ));
            }
            default => attributes.extend(default),
        }
        attributes.extend(column.length.map(|length| format!("length = {length}")));
        if let Some(generated) = &column.generated {
            attributes.push(format!("generated = {:?}", generated.expression));
            attributes.extend((generated.storage == GeneratedStorage::Virtual).then(|| "virtual".to_owned()));
        }
        attributes.extend(said(column.comment.as_deref()).map(|comment| format!("comment = {comment:?}")));
        let own_type = self.rust_type(table, column);
        let field_type = if column.nullable && !is_key { format!("Option<{own_type}>") } else { own_type };
        FieldPlan { name, attributes, field_type, columns: vec![column.name.clone()] }
    }

    fn rust_type(&mut self, table: &Table, column: &Column) -> String {
        match (&column.enumeration, column.column_type) {
            (Some(enumeration), ColumnType::Array(_)) => {
                format!("Vec<{}>", self.enumeration(table, column, enumeration))
            }
            (Some(enumeration), _) => self.enumeration(table, column, enumeration),
            (None, other) => plain_type(other),
        }
    }

    fn enumeration(&mut self, table: &Table, column: &Column, enumeration: &Enumeration) -> String {
        let of = match &enumeration.name {
            Some(name) => (name.clone(), None),
            None => (table.name.clone(), Some(column.name.clone())),
        };
        if let Some((_, known)) = self.enums.iter().find(|(other, _)| *other == of) {
            return known.name.clone();
        }
        let wanted = match &of {
            (name, None) => type_name(name, "Label"),
            (table, Some(column)) => type_name(&format!("{table}_{column}"), "Label"),
        };
        let name = self.types.take(&[wanted.clone(), format!("{wanted}Label")], is_free_type, alone);
        let attributes = match &enumeration.name {
            None => vec!["text".to_owned()],
            Some(own) if is_simple(own) && snake_case(&name) == *own => Vec::new(),
            Some(own) => vec![format!("type_name = {own:?}")],
        };
        let mut variants = Names::default();
        let variants = enumeration.labels.iter().map(|label| {
            let variant = variants.take(&[type_name(label, "Label")], |_| true, alone);
            let is_told = is_simple(label) && snake_case(&variant) == *label;
            (variant, (!is_told).then(|| format!("rename = {label:?}")))
        });
        let plan = EnumPlan { name: name.clone(), attributes, variants: variants.collect() };
        self.enums.push((of, plan));
        name
    }

    fn reference(&mut self, at: usize, reference: &Reference<'_>, notes: &mut Vec<String>) -> FieldPlan {
        let (table, target) = (self.relations.tables[at], self.relations.tables[reference.target]);
        let name =
            self.fields[at].take(&reference_names(reference, target), is_free_relation, with_accessors);
        let mut attributes = Vec::new();
        attributes.extend(reference.is_key.then(|| "id".to_owned()));
        let named = reference.columns.iter().zip(&target.primary_key);
        if named.clone().any(|(column, key)| self.naming.join_column(&name, key) != *column) {
            attributes.push(join_columns("join_column", &reference.columns));
        }
        attributes.extend(reference.is_unique.then(|| "unique".to_owned()));
        match reference.key.on_delete {
            Some(ReferentialAction::SetNull) if !reference.nullable => {
                notes.push(format!("`SET NULL` of `{name}`, which can't be NULL"));
            }
            on_delete => attributes.extend(on_delete.map(|action| action_attribute("on_delete", action))),
        }
        attributes.extend(reference.key.on_update.map(|action| action_attribute("on_update", action)));
        let columns = reference.columns.iter().filter_map(|name| column_of(table, name));
        let comments: Vec<Option<&str>> =
            columns.clone().map(|column| said(column.comment.as_deref())).collect();
        match comments.first().copied().flatten() {
            Some(comment) if comments.iter().all(|other| *other == Some(comment)) => {
                attributes.push(format!("comment = {comment:?}"));
            }
            _ => notes.extend(comments.iter().flatten().map(|comment| format!("the comment {comment:?}"))),
        }
        for column in columns {
            let default = column.default.as_ref().map(default_attribute);
            notes.extend(default.map(|default| format!("the `{default}` of `{}`", column.name)));
        }
        let target = &self.structs[reference.target];
        let field_type =
            if reference.nullable { format!("Option<Ref<{target}>>") } else { format!("Ref<{target}>") };
        let columns = reference.columns.iter().map(|column| (*column).to_owned()).collect();
        FieldPlan { name, attributes, field_type, columns }
    }

    fn index(
        &self,
        table: &Table,
        references: &[Reference<'_>],
        index: &TableIndex,
        entity: &mut EntityPlan,
    ) {
        let is_of = |reference: &Reference<'_>| index.columns == reference.columns;
        let is_implied = index.condition.is_none()
            && references.iter().any(|reference| is_of(reference) && (!index.unique || reference.is_unique));
        if is_implied {
            return;
        }
        let Some(fields) = fields_of(&entity.fields, &index.columns) else {
            let columns = index.columns.join(", ");
            entity
                .notes
                .push(format!("the index `{}` on `{columns}`, which are no whole fields", index.name));
            return;
        };
        let word = if index.unique { "unique" } else { "index" };
        let columns: Vec<&str> = index.columns.iter().map(String::as_str).collect();
        let usual = bounded_name(self.naming.index(&table.name, &columns, index.unique));
        let has_usual_name = index.name.is_empty() || index.name == usual;
        let is_whole_key = table.primary_key == index.columns;
        if let [field] = fields.as_slice()
            && index.condition.is_none()
            && has_usual_name
            && !is_whole_key
        {
            let field = &mut entity.fields[*field];
            let is_relation = field.field_type.contains("Ref<");
            if !is_relation && !field.attributes.iter().any(|one| one == "unique" || one == "index") {
                field.attributes.push(word.to_owned());
                return;
            }
        }
        let mut parts: Vec<String> =
            fields.iter().map(|field| in_source(&entity.fields[*field].name)).collect();
        parts.extend((!has_usual_name).then(|| format!("name = {:?}", index.name)));
        parts.extend(index.condition.as_ref().map(|condition| format!("where = {condition:?}")));
        entity.attributes.push(format!("{word}({})", parts.join(", ")));
    }

    fn checks(&self, table: &Table, entity: &mut EntityPlan) {
        let (mut checked, mut unnamed) = (HashSet::new(), 0);
        let usual = bounded_name(self.naming.check(&table.name, &[]));
        for Check { name, expression } in in_name_order(&table.checks, |check| &check.name) {
            let of_field = entity.fields.iter().position(|field| {
                let columns: Vec<&str> = field.columns.iter().map(String::as_str).collect();
                !columns.is_empty() && bounded_name(self.naming.check(&table.name, &columns)) == *name
            });
            if let Some(field) = of_field.filter(|field| checked.insert(*field)) {
                entity.fields[field].attributes.push(format!("check = {expression:?}"));
                continue;
            }
            let name = match name.as_str() {
                "" => {
                    unnamed += 1;
                    if unnamed == 1 { usual.clone() } else { format!("{usual}_{unnamed}") }
                }
                name => name.to_owned(),
            };
            entity.attributes.push(if name == usual {
                format!("check = {expression:?}")
            } else {
                format!("check(name = {name:?}, sql = {expression:?})")
            });
        }
    }

    /// The other sides of a table's relations.
    fn other_sides(&mut self, at: usize) {
        if self.relations.roles[at] != Role::Entity {
            return;
        }
        let references = &self.relations.references[at];
        for reference in references {
            let field = self.entities[at].as_ref().and_then(|entity| {
                let columns = &reference.columns;
                entity.fields.iter().find(|field| field.columns == *columns).map(|field| field.name.clone())
            });
            let Some(field) = field else { continue };
            let one = field_name(&self.relations.tables[at].name);
            let base = if reference.is_unique { one } else { plural(&one) };
            let many = references.iter().filter(|other| other.target == reference.target).count() > 1;
            let by_field = format!("{base}_by_{field}");
            let candidates =
                if many || reference.target == at { vec![by_field] } else { vec![base, by_field] };
            let struct_name = &self.structs[at];
            let field_type = if reference.is_unique {
                format!("Option<Ref<{struct_name}>>")
            } else {
                format!("Collection<{struct_name}>")
            };
            self.add_relation(
                reference.target,
                &candidates,
                vec![format!("mapped_by = {field:?}")],
                field_type,
            );
        }
    }

    fn add_relation(
        &mut self,
        at: usize,
        candidates: &[String],
        attributes: Vec<String>,
        field_type: String,
    ) -> String {
        let name = self.fields[at].take(candidates, is_free_relation, with_accessors);
        if let Some(entity) = &mut self.entities[at] {
            let field = FieldPlan { name: name.clone(), attributes, field_type, columns: Vec::new() };
            entity.fields.push(field);
        }
        name
    }

    /// Both sides of the relation whose links are in a table.
    fn pivot(&mut self, at: usize) {
        let (Role::Pivot, Some((owner, target))) = (&self.relations.roles[at], self.relations.sides(at))
        else {
            return;
        };
        let tables = &self.relations.tables;
        let (pivot, owner_table, target_table) = (tables[at], tables[owner.target], tables[target.target]);
        let (owner_name, target_name) = (&self.structs[owner.target], &self.structs[target.target]);
        let behind_owner = pivot.name.strip_prefix(&format!("{}_", owner_table.name)).map(field_name);
        let otherwise = plural(&field_name(&target_table.name));
        let candidates: Vec<String> =
            behind_owner.into_iter().chain([otherwise, field_name(&pivot.name)]).collect();
        let mut attributes = vec!["many_to_many".to_owned()];
        let itself = owner.target == target.target;
        let columns_of = |name: &str, place: u8, table: &Table| -> Vec<String> {
            let prefix = if itself { format!("{name}_{place}") } else { name.to_owned() };
            table.primary_key.iter().map(|column| self.naming.pivot_column(&prefix, column)).collect()
        };
        if columns_of(owner_name, 1, owner_table) != owner.columns {
            attributes.push(join_columns("join_column", &owner.columns));
        }
        if columns_of(target_name, 2, target_table) != target.columns {
            attributes.push(join_columns("inverse_join_column", &target.columns));
        }
        for (when, action) in [("on_delete", owner.key.on_delete), ("on_update", owner.key.on_update)] {
            if action != Some(ReferentialAction::Cascade) {
                attributes.push(action_attribute(when, action.unwrap_or(ReferentialAction::NoAction)));
            }
        }
        let (owner_type, target_type) =
            (format!("Collection<{owner_name}>"), format!("Collection<{target_name}>"));
        let field = self.add_relation(owner.target, &candidates, attributes, target_type);
        if self.naming.pivot_table(&owner_table.name, &target_table.name, &field) != pivot.name {
            let added = self.entities[owner.target].as_mut().and_then(|entity| entity.fields.last_mut());
            added.into_iter().for_each(|field| {
                field.attributes.insert(1, format!("pivot_table = {:?}", pivot.name));
            });
        }
        let base = plural(&field_name(&owner_table.name));
        let by_field = format!("{base}_by_{field}");
        let candidates = if itself { vec![by_field] } else { vec![base, by_field] };
        self.add_relation(target.target, &candidates, vec![format!("mapped_by = {field:?}")], owner_type);
    }
}

/// The columns of the key in its order, then the others.
fn in_order(table: &Table) -> impl Iterator<Item = &Column> {
    let key = table.primary_key.iter().filter_map(|name| column_of(table, name));
    key.chain(table.columns.iter().filter(|column| !table.primary_key.contains(&column.name)))
}

fn in_name_order<T>(all: &[T], name: fn(&T) -> &String) -> Vec<&T> {
    let mut sorted: Vec<&T> = all.iter().collect();
    sorted.sort_by_key(|one| name(one));
    sorted
}

/// The fields that make up these columns, one after the other.
fn fields_of(fields: &[FieldPlan], columns: &[String]) -> Option<Vec<usize>> {
    let (mut found, mut rest) = (Vec::new(), columns);
    while let [first, ..] = rest {
        let at = fields.iter().position(|field| field.columns.first() == Some(first))?;
        rest = rest.strip_prefix(fields[at].columns.as_slice())?;
        found.push(at);
    }
    Some(found)
}

fn reference_names(reference: &Reference<'_>, target: &Table) -> Vec<String> {
    let mut names = Vec::new();
    let ends = reference
        .columns
        .iter()
        .zip(&target.primary_key)
        .map(|(column, key)| column.strip_suffix(key.as_str()).and_then(|start| start.strip_suffix('_')));
    let starts: Option<Vec<&str>> = ends.collect();
    if let Some([first, rest @ ..]) = starts.as_deref()
        && rest.iter().all(|other| other == first)
    {
        names.push((*first).to_owned());
    }
    if let [column] = reference.columns.as_slice() {
        let ends = ["_id", "Id", "ID"];
        names.extend(ends.iter().find_map(|end| column.strip_suffix(end)).map(str::to_owned));
        names.push((*column).to_owned());
    }
    names.push(target.name.clone());
    names.iter().filter(|name| !name.is_empty()).map(|name| field_name(name)).collect()
}

fn join_columns(word: &str, columns: &[&str]) -> String {
    match columns {
        [column] => format!("{word} = {column:?}"),
        columns => {
            let columns: Vec<String> = columns.iter().map(|column| format!("{column:?}")).collect();
            format!("{word}s({})", columns.join(", "))
        }
    }
}

fn action_attribute(when: &str, action: ReferentialAction) -> String {
    let word = match action {
        ReferentialAction::Cascade => "cascade",
        ReferentialAction::SetNull => "set_null",
        ReferentialAction::Restrict => "restrict",
        ReferentialAction::NoAction => "no_action",
    };
    format!("{when} = {word:?}")
}

fn default_attribute(default: &ColumnDefault) -> String {
    match default {
        ColumnDefault::Bool(value) => format!("default = {value}"),
        ColumnDefault::Int(value) => format!("default = {value}"),
        ColumnDefault::Float(value) => format!("default = {value:?}"),
        ColumnDefault::Text(text) => format!("default = {text:?}"),
        ColumnDefault::Expression(expression) => format!("default_sql = {expression:?}"),
    }
}

/// What is not blank.
fn said(comment: Option<&str>) -> Option<&str> {
    comment.filter(|comment| !comment.trim().is_empty())
}

/// Whether words of small letters and digits are all that it has, so that every rule of cases agrees.
fn is_simple(name: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.chars().all(|char| char.is_ascii_lowercase() || char.is_ascii_digit())
    };
    name.split('_').all(is_word)
}

/// The Rust type of a column.
fn plain_type(column_type: ColumnType) -> String {
    match column_type {
        ColumnType::Bool => "bool".to_owned(),
        ColumnType::Int(bits) => format!("i{bits}"),
        ColumnType::UnsignedInt(bits) => format!("u{bits}"),
        ColumnType::Float => "f32".to_owned(),
        ColumnType::Double => "f64".to_owned(),
        ColumnType::Text | ColumnType::Enum(_) => "String".to_owned(),
        ColumnType::Bytes => "Vec<u8>".to_owned(),
        ColumnType::Uuid => "uuid::Uuid".to_owned(),
        ColumnType::Date => "chrono::NaiveDate".to_owned(),
        ColumnType::Time => "chrono::NaiveTime".to_owned(),
        ColumnType::DateTime => "chrono::NaiveDateTime".to_owned(),
        ColumnType::Timestamp => "chrono::DateTime<chrono::Utc>".to_owned(),
        ColumnType::Decimal => "rust_decimal::Decimal".to_owned(),
        ColumnType::Json => "serde_json::Value".to_owned(),
        ColumnType::Array(element) => format!("Vec<{}>", plain_type(*element)),
    }
}
