//! Views: structs of the fields that a program needs of an entity and of what it leads to.

use std::fmt;
use std::marker::PhantomData;

use super::find::Find;
use super::projection::{Projection, Selected, Unread};
use crate::condition::{IntoExpr, Term, ToOne};
use crate::driver::RowReader;
use crate::entity::{Entity, RelationField};
use crate::value::FieldValue;

/// A struct that is read from some columns of an entity, instead of the entity.
///
/// Derived: each field is the entity's field of that name, `#[view(expr = ..)]` computes one, `#[view(nested)]` takes
/// another view through a to-one relation. Nothing of it is managed. How it looks in JSON is its own affair: derive
/// `Serialize` too.
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

    /// Reads a row.
    #[doc(hidden)]
    fn __read(row: &mut ViewRow<'_>) -> Result<Self, Unread>;
}

/// What a view is read from.
#[doc(hidden)]
pub struct ViewTerms<T> {
    terms: Vec<Term>,
    entity: PhantomData<fn() -> T>,
}

impl<T: Entity> ViewTerms<T> {
    fn new() -> Self {
        Self { terms: Vec::new(), entity: PhantomData }
    }

    /// A field or a computed value, which is a `V`.
    pub fn value<V: FieldValue, E: IntoExpr<T, Value = V>>(&mut self, value: E) {
        self.terms.push(value.into_expr().term);
    }

    /// A view of what a to-one relation leads to.
    pub fn nested<N, R>(&mut self, relation: &ToOne<R>)
    where
        N: View<Of = R::Target>,
        R: RelationField<Owner = T>,
    {
        let _ = relation;
        let mut nested = ViewTerms::new();
        N::__terms(&mut nested);
        self.terms.extend(nested.terms.into_iter().map(|mut term| {
            term.lead_through(R::INDEX);
            term
        }));
    }

    /// As [`nested`](Self::nested), where there may be none: its key says so.
    pub fn optional<N, R>(&mut self, relation: &ToOne<R>)
    where
        N: View<Of = R::Target>,
        R: RelationField<Owner = T>,
    {
        let properties = R::Target::__DESCRIPTION.properties;
        let key = properties.iter().position(|property| property.id).unwrap_or_default();
        self.terms.push(Term::Property { path: vec![R::INDEX], property: key });
        self.nested::<N, R>(relation);
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
    at: usize,
}

impl ViewRow<'_> {
    /// The next column.
    ///
    /// # Errors
    ///
    /// A value that does not fit, by its column.
    pub fn value<V: FieldValue>(&mut self) -> Result<V, Unread> {
        super::projection::read(self.row, &mut self.at)
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
        if self.row.is_null(key).map_err(|source| Unread { column: key, source })? {
            self.at += N::__COLUMNS;
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

    fn __terms(&self, terms: &mut Vec<Term>) {
        let mut all = ViewTerms::new();
        V::__terms(&mut all);
        terms.extend(all.terms);
    }

    fn __read(row: &dyn RowReader, at: &mut usize) -> Result<V, Unread> {
        let mut row = ViewRow { row, at: *at };
        let view = V::__read(&mut row)?;
        *at = row.at;
        Ok(view)
    }
}

impl<T: Entity, P: 'static, M> Find<T, P, M> {
    /// Reads a view instead of entities: only its columns, by one statement, and nothing of it is managed.
    pub fn view<V: View<Of = T>>(self) -> Projection<T, ViewOf<V>> {
        self.select(ViewOf(PhantomData))
    }
}
