//! Views of handles: the same struct as a query reads, from what is in memory.

use std::sync::Arc;

use super::list::{Owners, RowPlan};
use super::view::{View, ViewFor, ViewRow, terms_of_view};
use crate::condition::Term;
use crate::driver::{Select, ValueRow};
use crate::entity::{CellId, Entity, Loaded, Region, With};
use crate::error::{Error, Result};
use crate::metadata::{PropertyKind, RelationId};
use crate::relation::Target;
use crate::value::{Value, ValueError};

/// A view that a handle with record `P` has everything for: the relations that it nests are populated, whole.
///
/// Implemented by the derive. What is computed, `#[view(expr = ..)]`, only the database computes.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be taken from this handle",
    label = "not a view that this handle has everything for"
)]
pub trait FromLoaded<P>: View {}

/// A slot that is populated with what view `V` shows; `F` is the field of the view.
#[diagnostic::on_unimplemented(
    message = "the relation of view field `{F}` was not populated on this entity",
    label = "not populated, or in part only, by the query that made this handle",
    note = "add `.populate(..)` for it to the query, or read the view by a query: `em.find(..).view::<{V}>()`"
)]
pub trait Shows<V, F> {}

impl<V: FromLoaded<N>, F, N> Shows<V, F> for With<N> {}

/// Nothing that a handle has.
#[diagnostic::on_unimplemented(
    message = "view field `{F}` is computed by the database, so that no handle has it",
    label = "a handle has fields and relations, but not `{F}`",
    note = "read the view by a query: `em.find(..).view::<YourView>()`"
)]
pub trait Computes<F> {}

impl<T: Entity, P: 'static> Loaded<T, P> {
    /// A view of the entity as it is now, unsaved edits included, without a statement. It has the same JSON as the view
    /// that a query reads of the saved entity.
    ///
    /// It compiles where the handle has what the view shows: the relations that it nests are populated, as far as it
    /// nests them, and nothing in it is computed by the database. In a signature say `V: FromLoaded<P>`.
    ///
    /// # Errors
    ///
    /// [`Error::NotLoaded`] when the program pointed a relation at something that is not loaded, or added such an item;
    /// [`Error::Unread`] where a required related entity is missing.
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Collection, Entity, EntityManager, Ref, Result, View};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Author { #[entity(id, auto)] id: i64, name: String, #[entity(mapped_by = "author")] books: Collection<Book> }
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, title: String, author: Ref<Author> }
    /// #[derive(View)]
    /// #[view(of = Author)]
    /// struct Shelf {
    ///     name: String,
    ///     #[view(nested)]
    ///     books: Vec<Title>,
    /// }
    ///
    /// #[derive(View)]
    /// #[view(of = Book)]
    /// struct Title {
    ///     title: String,
    /// }
    ///
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let author = em.find_one_or_fail(Author::NAME.eq("Jon")).populate(Author::BOOKS).await?;
    /// let shelf: Shelf = author.view()?;
    /// assert_eq!(shelf.name, author.get().name);
    /// # let _ = shelf.books.iter().map(|book| &book.title).count();
    /// # Ok(()) }
    /// ```
    pub fn view<V: ViewFor<T> + FromLoaded<P>>(&self) -> Result<V> {
        view_of(self.region(), self.cell_id())
    }
}

/// The view of a loaded entity.
pub(super) fn view_of<V: View>(region: &Arc<Region>, cell: CellId) -> Result<V> {
    let metadata = region.metadata();
    let plan = RowPlan::of(metadata, cell.entity, terms_of_view::<V>())?;
    let values = plan.columns.iter().map(|term| value_of(region, cell, term)).collect::<Result<Vec<_>>>()?;
    let mut owners = Owners::of(&plan);
    let view = V::__read(&mut ViewRow::new(&ValueRow(&values), 0, &mut owners));
    let select = Select::new(Arc::clone(metadata), cell.entity);
    let mut view = view.map_err(|unread| plan.unread(&select, unread))?;
    let mut lists = plan.collect(region, cell, &owners)?;
    lists.fill(|lists| view.__fill(lists));
    Ok(view)
}

/// Where to-one relations lead from a loaded entity, if anywhere.
pub(super) fn at_end(region: &Region, cell: CellId, path: &[usize]) -> Result<Option<CellId>> {
    let mut cell = cell;
    for index in path {
        let relation = RelationId { entity: cell.entity, index: *index };
        let Some(at) = region.leads_to(relation, cell.at)? else { return Ok(None) };
        cell = CellId { entity: region.metadata().relation(relation).target, at };
    }
    Ok(Some(cell))
}

fn value_of(region: &Region, cell: CellId, term: &Term) -> Result<Value> {
    let Term::Property { path, property } = term else {
        let source = ValueError::WrongType { expected: "a field", found: "what is computed".to_owned() };
        let entity = region.entity(cell.entity).name;
        let term = super::plan::describe_term(region.metadata(), cell.entity, term);
        return Err(Error::Unread { entity, term, source });
    };
    let Some(cell) = at_end(region, cell, path)? else { return Ok(Value::Null) };
    let (arena, entity) = (region.arena(cell.entity), region.entity(cell.entity));
    let meta = &entity.properties[*property];
    if let PropertyKind::Reference(relation) = meta.kind {
        let key = match arena.target(cell.at, relation) {
            Target::Key(key) => Some(key),
            Target::Cell(cell) => region.key(cell.id),
            Target::Unset | Target::New | Target::Invalid(_) => None,
        };
        return Ok(key.and_then(|key| key.into_iter().next()).unwrap_or(Value::Null));
    }
    let snapshot = arena.current(cell.at).ok_or_else(|| Error::Detached { key: region.name(cell) })?;
    arena.value_of(&snapshot, *property).map_err(|source| Error::Value {
        entity: entity.name,
        field: meta.name,
        column: entity.columns[meta.columns.start].name.clone(),
        source,
    })
}
