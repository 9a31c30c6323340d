//! Views: structs of the fields that a program needs of an entity and of what it leads to.

use std::fmt;
use std::marker::PhantomData;

use super::find::Find;
use super::list::{NestedList, Owners, ViewLists};
use super::projection::Projection;
use super::selected::{Selected, Terms, Unread};
use crate::condition::{Embedded, IntoExpr, Term};
use crate::driver::RowReader;
use crate::entity::emitted::embedded::count_of;
use crate::entity::{Cursor, EmbeddedValue, Entity, RelationField, With, Without};
use crate::value::FieldValue;

/// A struct that is read from some columns of an entity, instead of the entity.
///
/// Derived: each field is the entity's field of that name, `#[view(expr = ..)]` computes one, `#[view(nested)]` takes
/// another view through a relation: `author: Byline`, `publisher: Option<Imprint>`, `comments: Vec<Remark>`;
/// `#[view(embedded)]` takes an embedded struct. Nothing of it is managed. How it looks in JSON is its own affair: derive `Serialize` too.
///
/// Whatever leads to one row is read by the one statement of the query; each to-many relation takes one more, however
/// many rows there are, and one for each in what it leads to. Its items come in the order that the relation has when it
/// is populated. Views may be nested in themselves through a to-many relation, as those of a tree are.
///
/// # Examples
///
/// ```
/// use orm_core::{Entity, EntityManager, Ref, Result, View};
///
/// # #[derive(Entity, Clone, Debug, Default)]
/// # struct Author { #[entity(id, auto)] id: i64, name: String }
/// #[derive(Entity, Clone, Debug, Default)]
/// struct Article {
///     #[entity(id, auto)]
///     id: i64,
///     title: String,
///     body: String,
///     author: Ref<Author>,
/// }
///
/// #[derive(View)]
/// #[view(of = Author)]
/// struct Byline {
///     name: String,
/// }
///
/// #[derive(View)]
/// #[view(of = Article)]
/// struct Headline {
///     id: i64,
///     title: String,
///     #[view(expr = Article::BODY.length())]
///     characters: Option<i64>,
///     #[view(nested)]
///     author: Byline,
/// }
///
/// # async fn example(em: EntityManager) -> Result<()> {
/// // One statement, without the bodies.
/// let headlines: Vec<Headline> =
///     em.find_all::<Article>().view::<Headline>().order_by(Article::TITLE.asc()).await?;
/// # let _ = headlines.iter().map(|one| (one.id, &one.title, one.characters, &one.author.name)).count();
/// # Ok(()) }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no view",
    label = "not a view",
    note = "write `#[derive(View)] #[view(of = YourEntity)]` on it"
)]
pub trait View: Sized + Send + 'static {
    /// The entity.
    type Of: Entity;

    /// How many columns a row of it takes.
    #[doc(hidden)]
    const __COLUMNS: usize;

    /// Adds what a row is read from.
    #[doc(hidden)]
    fn __terms(terms: &mut ViewTerms<Self::Of>);

    /// How many lists are in it, those of the views in it included.
    #[doc(hidden)]
    const __LISTS: usize;

    /// Reads a row, without the lists in it.
    #[doc(hidden)]
    fn __read(row: &mut ViewRow<'_>) -> Result<Self, Unread>;

    /// Puts the lists into what was read, in the order of the fields.
    #[doc(hidden)]
    fn __fill(&mut self, lists: &mut ViewLists);
}

/// A view of `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no view of `{T}`",
    label = "not a view of `{T}`",
    note = "write `#[derive(View)] #[view(of = {T})]` on a struct, and take that"
)]
pub trait ViewFor<T>: View<Of = T> {}

#[diagnostic::do_not_recommend]
impl<V: View> ViewFor<V::Of> for V {}

/// A field or a computed value of `T` that is read as a `V`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not read as `{V}`",
    label = "this field of the view has another type than what it shows",
    note = "give the field of the view the type of the entity's field; a relation is shown by `#[view(nested)]`, its key \
            by `#[view(expr = Entity::RELATION.key())]`"
)]
pub trait ReadAs<T, V>: IntoExpr<T, Value = V> {}

#[diagnostic::do_not_recommend]
impl<T, V, E: IntoExpr<T, Value = V>> ReadAs<T, V> for E {}

/// The slot of a to-one relation.
#[diagnostic::on_unimplemented(
    message = "relation `{R}` leads to many, and the view has a field for one",
    label = "not one",
    note = "the type of the field is a `Vec` of the view"
)]
pub trait LeadsToOne<R> {}

impl<R> LeadsToOne<R> for Without {}

/// The slot of a to-many relation.
#[diagnostic::on_unimplemented(
    message = "relation `{R}` leads to one, and the view has a field for many",
    label = "not many",
    note = "the type of the field is the view, or an `Option` of it"
)]
pub trait LeadsToMany<R> {}

impl<R, N> LeadsToMany<R> for With<N> {}

/// What a view is read from.
#[doc(hidden)]
pub struct ViewTerms<T> {
    terms: Terms,
    entity: PhantomData<fn() -> T>,
}

/// What a view is read from.
pub(super) fn terms_of_view<V: View>() -> Terms {
    let mut terms = ViewTerms { terms: Terms::default(), entity: PhantomData };
    V::__terms(&mut terms);
    terms.terms
}

impl<T: Entity> ViewTerms<T> {
    /// A field or a computed value, which is a `V`.
    pub fn value<V: FieldValue, E: ReadAs<T, V>>(&mut self, value: E) {
        self.terms.columns.push(value.into_expr().term);
    }

    /// A whole embedded struct, which is a `V`.
    pub fn embedded<V: EmbeddedValue>(&mut self, embedded: Embedded<T, V>) {
        self.terms.columns.extend(embedded.properties().map(Term::property));
    }

    /// A view of what a to-one relation leads to.
    pub fn nested<N, R>(&mut self, relation: R)
    where
        R: RelationField<Owner = T>,
        R::OfNew: LeadsToOne<R>,
        N: ViewFor<R::Target>,
    {
        let _ = relation;
        let mut nested = terms_of_view::<N>();
        nested.lead_through(R::INDEX);
        self.terms.extend(nested);
    }

    /// As [`nested`](Self::nested), where there may be none: its key says so.
    pub fn optional<N, R>(&mut self, relation: R)
    where
        R: RelationField<Owner = T>,
        R::OfNew: LeadsToOne<R>,
        N: ViewFor<R::Target>,
    {
        let properties = R::Target::__DESCRIPTION.properties;
        let key = properties.iter().position(|property| property.id).unwrap_or_default();
        self.terms.columns.push(Term::Property { path: vec![R::INDEX], property: key });
        self.nested::<N, R>(relation);
    }

    /// Views of the items of a to-many relation.
    pub fn list<N, R>(&mut self, relation: R)
    where
        R: RelationField<Owner = T>,
        R::OfNew: LeadsToMany<R>,
        N: ViewFor<R::Target>,
    {
        let _ = relation;
        self.terms.lists.push(NestedList::of::<N>(R::INDEX));
    }
}

impl<T> fmt::Debug for ViewTerms<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ViewTerms").field(&self.terms).finish()
    }
}

/// A row that a view is read from, column by column.
#[doc(hidden)]
pub struct ViewRow<'a> {
    row: &'a dyn RowReader,
    /// Where its columns begin.
    first: usize,
    at: usize,
    list: usize,
    owners: &'a mut Owners,
}

impl<'a> ViewRow<'a> {
    pub(super) fn new(row: &'a dyn RowReader, first: usize, owners: &'a mut Owners) -> Self {
        Self { row, first, at: 0, list: 0, owners }
    }

    /// The next column.
    ///
    /// # Errors
    ///
    /// A value that does not fit, by its column.
    pub fn value<V: FieldValue>(&mut self) -> Result<V, Unread> {
        let column = self.at;
        self.at += 1;
        V::read(self.row, self.first + column).map_err(|source| Unread { column, source })
    }

    /// The next columns, as an embedded struct.
    ///
    /// # Errors
    ///
    /// A value that does not fit, by its column.
    pub fn embedded<V: EmbeddedValue>(&mut self) -> Result<V, Unread> {
        let first = self.at;
        self.at += count_of::<V>();
        let value = V::__read(&mut Cursor::new(self.row, self.first + first));
        value.map_err(|error| {
            let (column, source) = error.into_parts();
            Unread { column: column - self.first, source }
        })
    }

    /// A list, which is empty until it is filled.
    ///
    /// # Errors
    ///
    /// A value in the key of its owner that does not fit, by its column.
    pub fn list<N>(&mut self) -> Result<Vec<N>, Unread> {
        self.owners.read(self.list, self.row, self.first)?;
        self.list += 1;
        Ok(Vec::new())
    }

    /// The next columns, as another view.
    ///
    /// # Errors
    ///
    /// A value that does not fit, by its column.
    pub fn nested<N: View>(&mut self) -> Result<N, Unread> {
        N::__read(self)
    }

    /// The next columns, as another view, if there is what it shows.
    ///
    /// # Errors
    ///
    /// A value that does not fit, by its column.
    pub fn optional<N: View>(&mut self) -> Result<Option<N>, Unread> {
        let key = self.at;
        self.at += 1;
        let is_null = self.row.is_null(self.first + key);
        if is_null.map_err(|source| Unread { column: key, source })? {
            self.at += N::__COLUMNS;
            self.list += N::__LISTS;
            return Ok(None);
        }
        N::__read(self).map(Some)
    }
}

impl fmt::Debug for ViewRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewRow").field("at", &self.at).finish_non_exhaustive()
    }
}

/// The selection of a view.
pub struct ViewOf<V>(PhantomData<fn() -> V>);

impl<V> fmt::Debug for ViewOf<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViewOf")
    }
}

impl<T: Entity, V: View<Of = T>> Selected<T> for ViewOf<V> {
    type Row = V;

    fn __terms(&self, terms: &mut Terms) {
        terms.extend(terms_of_view::<V>());
    }

    fn __read(row: &mut ViewRow<'_>) -> Result<V, Unread> {
        V::__read(row)
    }

    fn __fill(row: &mut V, lists: &mut ViewLists) {
        row.__fill(lists);
    }
}

impl<T: Entity, P: 'static, M> Find<T, P, M> {
    /// Reads a view instead of entities: only its columns, by one statement and one more for each to-many relation in
    /// it, and nothing of it is managed.
    ///
    /// # Errors
    ///
    /// When it is awaited: [`Error::Unread`](crate::Error::Unread) for a value, or a missing related entity, that does
    /// not fit a field, and [`Error::ViewItems`](crate::Error::ViewItems) for items that can't be listed.
    pub fn view<V: ViewFor<T>>(self) -> Projection<T, ViewOf<V>> {
        self.select(ViewOf(PhantomData))
    }
}
