//! Views: in which order they come and go, and which have to give way for a time while something else changes.
//!
//! What a view reads is known by the names in its select. A name too many, such as that of a column, costs a view that is
//! made anew for nothing; where two name each other, the database has the last word.

use std::collections::HashSet;

use orm_core::schema::Risk;
use orm_core::schema::View;
use orm_core::schema::database::{DatabaseName, DatabaseSchema, DatabaseView};

use super::alter::Alterations;
use super::change::{Change, ChangeKind};
use super::tokens::names;

/// What has a name and a select.
pub(crate) trait Selecting {
    fn name(&self) -> &str;
    fn select(&self) -> &str;
}

impl Selecting for View {
    fn name(&self) -> &str {
        &self.name
    }

    fn select(&self) -> &str {
        &self.select
    }
}

impl Selecting for DatabaseView {
    fn name(&self) -> &str {
        &self.name.name
    }

    fn select(&self) -> &str {
        &self.select
    }
}

/// Each view after those that it reads; what goes in circles keeps its place at the end.
pub(crate) fn read_first<'a, V: Selecting>(views: impl IntoIterator<Item = &'a V>) -> Vec<&'a V> {
    let mut left: Vec<(&V, HashSet<String>)> =
        views.into_iter().map(|view| (view, names(view.select()))).collect();
    let mut ordered = Vec::with_capacity(left.len());
    while !left.is_empty() {
        let is_ready = |(view, read): &(&V, HashSet<String>)| {
            let others = left.iter().filter(|(other, _)| other.name() != view.name());
            !others.into_iter().any(|(other, _)| read.contains(&other.name().to_lowercase()))
        };
        let at = left.iter().position(is_ready).unwrap_or(0);
        ordered.push(left.remove(at).0);
    }
    ordered
}

/// The views that `changes` take away, each before those that it reads.
pub(crate) fn dropped(changes: &[Change]) -> Vec<&DatabaseView> {
    let gone = changes.iter().filter_map(|change| match &change.kind {
        ChangeKind::DropView(view) | ChangeKind::ChangeView { from: view, .. } => Some(view),
        _ => None,
    });
    let mut gone = read_first(gone);
    gone.reverse();
    gone
}

/// The views that `changes` make, each after those that it reads.
pub(crate) fn made(changes: &[Change]) -> Vec<&DatabaseView> {
    read_first(changes.iter().filter_map(|change| match &change.kind {
        ChangeKind::AddView(view) | ChangeKind::ChangeView { to: view, .. } => Some(view),
        _ => None,
    }))
}

/// The views among `own` that stay as they are, but are made anew since they read what `changes` can't change or replace
/// below them.
pub(crate) fn in_the_way(
    alterations: &dyn Alterations,
    own: &[DatabaseView],
    from: &DatabaseSchema,
    to: &DatabaseSchema,
    changes: &[Change],
) -> Vec<Change> {
    let mut disturbed: HashSet<String> = HashSet::new();
    let mut changed: HashSet<&DatabaseName> = HashSet::new();
    for change in changes {
        let names = alterations.disturbed(change, to);
        disturbed.extend(names.into_iter().map(|name| name.to_lowercase()));
        if let ChangeKind::AddView(view)
        | ChangeKind::DropView(view)
        | ChangeKind::ChangeView { from: view, .. } = &change.kind
        {
            disturbed.insert(view.name.name.to_lowercase());
            changed.insert(&change.table);
        }
    }
    for change in changes {
        if let ChangeKind::RenameTable { from } = &change.kind
            && disturbed.contains(&change.table.name.to_lowercase())
        {
            disturbed.insert(from.name.to_lowercase());
        }
    }
    let is_own = |view: &&DatabaseView| own.iter().any(|one| one.name == view.name);
    let mut left: Vec<&DatabaseView> =
        from.views.iter().filter(is_own).filter(|view| !changed.contains(&view.name)).collect();
    let mut remade = Vec::new();
    while let Some(at) =
        left.iter().position(|view| names(&view.select).iter().any(|name| disturbed.contains(name)))
    {
        let view = left.remove(at);
        disturbed.insert(view.name.name.to_lowercase());
        let kind = ChangeKind::ChangeView { from: view.clone(), to: view.clone() };
        remade.push(Change { table: view.name.clone(), kind, risk: Risk::Safe });
    }
    remade
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::postgres::Postgres;
    use crate::dialect::sqlite::Sqlite;
    use crate::schema::change::Aspect;
    use orm_core::schema::database::DatabaseColumn;

    fn view(name: &str, select: &str) -> DatabaseView {
        let (name, select) = (DatabaseName::new(None, name), select.to_owned());
        DatabaseView { name, select, ..DatabaseView::default() }
    }

    fn views() -> Vec<DatabaseView> {
        vec![
            view("top", "SELECT * FROM Middle"),
            view("alone", "SELECT 'base' FROM other"),
            view("middle", "SELECT * FROM \"base\""),
        ]
    }

    fn names_of(views: &[&DatabaseView]) -> Vec<String> {
        views.iter().map(|view| view.name.to_string()).collect()
    }

    #[test]
    fn what_is_read_comes_first() {
        assert_eq!(names_of(&read_first(&views())), ["alone", "middle", "top"]);
    }

    #[test]
    fn a_circle_ends() {
        let circle =
            [view("a", "SELECT * FROM b"), view("b", "SELECT * FROM a, c"), view("c", "SELECT a FROM c")];
        assert_eq!(read_first(&circle).len(), 3);
    }

    #[test]
    fn only_own_views_that_read_what_changes_are_in_the_way() {
        let schema = DatabaseSchema { views: views(), ..DatabaseSchema::default() };
        let column = DatabaseColumn::default();
        let kind = ChangeKind::ChangeColumn { from: column.clone(), to: column, aspect: Aspect::Type };
        let change = Change { table: DatabaseName::new(None, "base"), kind, risk: Risk::Safe };
        let made_anew = |alterations: &dyn Alterations, own: &[DatabaseView]| {
            let remade = in_the_way(alterations, own, &schema, &schema, std::slice::from_ref(&change));
            remade.into_iter().map(|change| change.table.name).collect::<Vec<_>>()
        };
        assert_eq!(made_anew(&Postgres, &views()), ["middle", "top"]);
        assert_eq!(made_anew(&Postgres, &views()[..2]), [] as [&str; 0]);
        assert_eq!(made_anew(&Sqlite, &views()), [] as [&str; 0]);
    }
}
