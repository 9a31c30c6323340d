//! Derives and attributes of orm-core, which re-exports them.
//!
//! Nothing but tokens happens here: structs and their attributes in, impls out. Emitted code names orm-core by an
//! absolute path, contains nothing unsafe, and does not panic. To read it, compile with `ORM_DERIVE_DEBUG=1`.

#![forbid(unsafe_code)]

mod context;
mod custom;
mod embed;
mod entity;
mod enumeration;
mod newtype;
mod row;
mod sql;
mod support;
mod view;

use proc_macro::TokenStream;
use syn::{DeriveInput, LitStr, parse_macro_input};

use support::shown;

/// Maps a struct to a table.
///
/// ```
/// use orm_core::{Collection, Entity, Ref};
///
/// #[derive(Entity, Clone, Debug, Default)]
/// #[entity(table = "authors")]
/// struct Author {
///     #[entity(id, auto)]
///     id: i64,
///     name: String,
///     #[entity(unique, length = 200)]
///     email: Option<String>,
///     #[entity(mapped_by = "author", order_by = "title")]
///     books: Collection<Book>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default)]
/// struct Book {
///     #[entity(id, auto)]
///     id: i64,
///     title: String,
///     #[entity(on_delete = "cascade")]
///     author: Ref<Author>,
///     #[entity(many_to_many)]
///     tags: Collection<Tag>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default)]
/// struct Tag {
///     #[entity(id, default = new_code)]
///     code: String,
///     #[entity(mapped_by = "tags")]
///     books: Collection<Book>,
/// }
///
/// fn new_code() -> String {
///     "a code that nobody has".to_owned()
/// }
///
/// let by_name = Author::NAME.eq("Le Guin").and(Author::BOOKS.some(Book::TITLE.like("The %")));
/// # let _ = by_name;
/// ```
///
/// The struct has named fields and no generics, and implements `Clone`. `Default` is not needed, but handy for new
/// entities. What each field is follows from its type:
///
/// | type | meaning |
/// | --- | --- |
/// | integers, floats, `bool`, `String`, `Vec<u8>`, types of the features `uuid`, `chrono`, `rust_decimal` and `serde_json`, an `EnumValue`, a `NewtypeValue` | a column |
/// | `Vec` of these, but of JSON | a column with a list: an array where the database has such, JSON elsewhere |
/// | `Option` of these | a column that may be NULL |
/// | `Ref<T>`, `Option<Ref<T>>` | a to-one relation; this table has the foreign key |
/// | `Option<Ref<T>>` with `mapped_by` | the other side of a one-to-one relation |
/// | `Collection<T>` with `mapped_by` | the other side of a to-one or a many-to-many relation |
/// | `Collection<T>` with `many_to_many` | a many-to-many relation; this side owns the pivot table |
/// | an `Embeddable`, or an `Option` of one, with `embedded` | a struct whose fields are columns of this table |
/// | any type that implements `Serialize` and `DeserializeOwned`, or an `Option` of one, with `embedded = json` | a column of JSON |
///
/// Relations are recognised by the last word of their type, so `orm_core::Ref<T>` is one, too, and an alias of
/// another name is not.
///
/// # On the struct
///
/// | attribute | meaning |
/// | --- | --- |
/// | `table = ".."` | The table. Left out, the naming strategy decides: the struct's name in `snake_case`. |
/// | `schema = ".."` | The table's schema. |
/// | `view = "select .."` | It is a view of the database, which the schema makes; see [below](#views-of-the-database). |
/// | `read_only` | It is a table or view that somebody else makes; see [below](#views-of-the-database). |
/// | `renamed_from = ".."` | The table's name before, so that the schema's diff renames it. Pivot tables that are named after it follow. |
/// | `comment = ".."` | What the database says about the table. SQLite keeps no comments, and is told none. |
/// | `check(a, b, sql = "..")` | A condition that every row meets, in the database's words. The fields that it is about, if any are named, are in the error of a violation; `name = ".."` names the constraint. `check = ".."` is short for one without both. May be repeated. |
/// | `rename_all = ".."` | The case of columns without a name of their own: `snake_case`, `camelCase`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `lowercase` or `UPPERCASE`. |
/// | `json = ".."` | The case of names in responses; the same cases. Left out, they are the fields' names. |
/// | `unique(a, b)` | No two rows agree in all of these fields. May be repeated. `name = ".."` names the constraint, `where = ".."` (or `condition = ".."`) restricts it to rows that meet it, in the database's words. |
/// | `index(a, b)` | An index over these fields; takes the same as `unique`. |
/// | `filter = path::to::Type` | A filter that every query for the entity meets: a type that implements `Filter` for it, and `Default`. May be given several times. |
/// | `hooks` | The struct implements `EntityHooks`, whose methods run when it is loaded, saved and removed. |
/// | `crate = ".."` | The path of orm-core, if it is not `::orm_core`. |
///
/// # On every field
///
/// | attribute | meaning |
/// | --- | --- |
/// | `hidden` | Left out of responses and of `Debug`. |
/// | `json = ".."` | Its name in responses. |
/// | `constant = ".."` | The name of its constant. Left out, the field's name in upper case. |
/// | `skip` | Neither a column nor a relation: `Default` when loaded, never saved. Stands alone. |
///
/// # On columns
///
/// | attribute | meaning |
/// | --- | --- |
/// | `id` | The primary key; on several fields, a part of it. May be an `Option`: `None` is not assigned yet. |
/// | `id, auto` | The database makes the key of a row whose key is its type's default. Of integers, and newtypes of integers; the key of a `Uuid` is made by the program (version 7). |
/// | `id, default = path::to::function` | This function makes the key of a new entity without one. |
/// | `column = ".."` | The column. |
/// | `unique` | No two rows agree in it. |
/// | `index` | An index. |
/// | `default = 1` | The column's default for rows that other programs insert: a number, a bool or text. |
/// | `default_sql = "now()"` | The same, as an expression in the database's words. |
/// | `generated = "price * quantity"` | The database computes the column of the row's others, by an expression in its words. The field is never written: what a new entity has in it does not matter, a flush that writes the row reads back what was computed, and a change of it is an error. `generated = "..", virtual` computes it when it is read and does not keep it, where the database can (PostgreSQL can't). |
/// | `check = "price > 0"` | A condition on the column that every row meets, in the database's words; a violation names the field. `check(name = "..", sql = "..")` names the constraint. Also on an owning `Ref`. |
/// | `comment = ".."` | What the database says about the column. Also on an owning `Ref`. |
/// | `renamed_from = ".."` | The column's name before, so that the schema's diff renames it. Also on an owning `Ref`, and for the pivot table on an owning `Collection`. |
/// | `length = 200` | The most characters or bytes. |
/// | `soft_delete` | A removal sets it to the time instead of deleting the row, and queries do not find the row any more. Of an `Option` of a date with a time; one an entity. |
/// | `on_create = now`, `on_create = path::to::function` | The value of a new row whose field is still blank (`None`, 0, empty text, 1970). `now` is the time of the flush, for timestamps, dates and times. A function takes nothing or a `&HookContext`, and returns the value, or with a context a `Result` of it. |
/// | `on_update = now`, `on_update = path::to::function` | The value of a row that changes otherwise, unless the program changed this field itself. |
/// | `version` | The optimistic lock: counts the row's updates (an integer, from 1) or dates them (a point in time, such as `DateTime<Utc>`). A write whose row has another version than was loaded fails. One an entity. |
/// | `concurrency_check` | A write whose row has another value here than was loaded fails. Also on an owning `Ref`. |
///
/// # On embedded structs
///
/// | attribute | meaning |
/// | --- | --- |
/// | `embedded` | The fields of the struct, which derives `Embeddable`, are columns of this table. |
/// | `embedded = json` | The value is one column, as JSON, which `serde` writes and reads: `history: Vec<Address>`. An `Option` of `None` is NULL. It is compared, merged and written as a whole. In projections and bulk writes it is a `Json`; its `json = ".."` is its name in responses as on any field. Of the feature `serde_json`. |
/// | `prefix = ".."` | What their names begin with; may be empty. Left out, the naming strategy decides: the field's name and `_`. |
///
/// # On relations
///
/// | attribute | on | meaning |
/// | --- | --- | --- |
/// | `mapped_by = ".."` | `Collection`, `Option<Ref>` | The field of the target that owns the relation. |
/// | `many_to_many` | `Collection` | Owns a pivot table. |
/// | `pivot_table = ".."` | owning `Collection` | The pivot table. |
/// | `join_column = ".."` | owning side | The foreign key's column (`column = ".."` says the same); of a pivot table, the column with this entity's key. |
/// | `join_columns("a", "b")` | owning side | The same for a key of several columns, in the order of the key. |
/// | `inverse_join_column = ".."`, `inverse_join_columns(..)` | owning `Collection` | The pivot's columns with the target's key. |
/// | `on_delete = ".."`, `on_update = ".."` | owning side | What the database does with the row (or pivot row) when its target goes or changes its key: `cascade`, `set_null`, `restrict` or `no_action`. |
/// | `unique`, `one_to_one` | owning `Ref` | One-to-one. |
/// | `id` | `Ref` | The target's key is this entity's key, or a part of it. |
/// | `index` | owning `Ref` | Foreign keys are always indexed; says so. |
/// | `order_by = "title desc, id"` | `Collection` | The order of the items, by fields of the target. |
/// | `eager` | any | Populated by every query. |
/// | `may_be_missing` | owning `Ref` | The target's row may be absent, so the accessor returns an `Option`. |
/// | `cascade_remove` | any | What it leads to is removed together with the entity; what is not loaded, or hidden by a filter, is loaded for it and shown nowhere, unless the foreign key's `on_delete = "cascade"` does it in the database and no filter guards writes. See `EntityManager::remove`. |
/// | `orphan_removal` | one-to-many, one-to-one | As `cascade_remove`; also, what the entity lets go of is removed, unless it finds another owner before the flush. |
///
/// # Views of the database
///
/// ```
/// # use orm_core::{Entity, EntityManager, Ref, Result};
/// # #[derive(Entity, Clone, Debug)]
/// # struct Author { #[entity(id)] id: i64 }
/// #[derive(Entity, Clone, Debug)]
/// #[entity(view = "SELECT author_id, COUNT(*) AS books FROM book GROUP BY author_id")]
/// struct AuthorStats {
///     #[entity(id)]
///     author: Ref<Author>,
///     books: i64,
/// }
///
/// async fn productive(em: &EntityManager) -> Result<u64> {
///     em.count(AuthorStats::BOOKS.gt(10)).await
/// }
/// # let _ = productive;
/// ```
///
/// The entity is read as any other: conditions, orders, pages, streams, projections, relations from and to it, filters, and
/// one instance a row, so that `id` names what tells its rows apart. Nothing is written of it, and what would do so
/// does not compile: `persist`, `edit`, `remove`, `merge`, bulk writes and a new one in a `Ref` need a `Writable` entity.
/// Lists whose items hold the foreign key are refused when they are changed, with `Error::Relation`. No foreign key leads
/// to it or from it, so that a `Ref` to it may lead nowhere: `may_be_missing` says so.
///
/// The select is a string, the path of a constant or a macro, such as `include_str!("stats.sql")`. It names tables and
/// columns as the database has them, and is in its words: where one program runs on several databases, in such that all of
/// them know, or in a constant for each. Its columns have the names of the fields' columns.
///
/// `schema().create()` makes the view after the tables, each view after those that it reads, and `drop()` drops it before
/// them. `diff()` and `update()` make it where it is missing, and replace it where its select has changed; views that read
/// it, and on PostgreSQL those that read a column whose type changes, are made anew with it, as far as an entity knows
/// them. Since nobody knows what a view reads, a query for it inside of a transaction flushes every pending change, and
/// every write voids its cached results.
///
/// `read_only` says the same of a table or a view that is there: it is read and never written, and the schema neither
/// makes, changes nor drops it. `on_delete` says there what the database does by a foreign key that somebody else has made.
///
/// # What is generated
///
/// For `Author` above:
///
/// - `Author::ID`, `Author::NAME` and so on: fields, for conditions and orders.
/// - for an embedded field a constant that leads to the fields in it.
/// - `Author::BOOKS`, of the type `Author__books`: a relation, to populate and for conditions.
/// - `AuthorPopulated<Books>`: the record of what a query populated, one slot a relation.
/// - on every handle, for each relation: `books()`, if the query has populated it, and `try_books()`; `books_ref()`
///   to load and to change it whatever is populated.
///
/// A constant, a relation's type and its accessors are as visible as the field, the record as the struct. A relation
/// can't have the name of a method that every handle has, such as `get` or `edit`.
#[proc_macro_derive(Entity, attributes(entity))]
pub fn entity(input: TokenStream) -> TokenStream {
    shown(entity::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Lets a struct be embedded: its fields are columns of the entity that has it.
///
/// ```
/// use orm_core::{Embeddable, Entity};
///
/// #[derive(Embeddable, Clone, Debug, Default)]
/// struct Geo {
///     lat: f64,
///     lon: f64,
/// }
///
/// #[derive(Embeddable, Clone, Debug, Default)]
/// struct Address {
///     street: String,
///     #[embeddable(column = "zip", length = 12)]
///     postal_code: Option<String>,
///     #[embeddable(embedded)]
///     geo: Option<Geo>,
/// }
///
/// #[derive(Entity, Clone, Debug, Default)]
/// struct User {
///     #[entity(id, auto)]
///     id: i64,
///     #[entity(embedded)]
///     address: Address,         // address_street, address_zip, address_geo_lat, address_geo_lon
///     #[entity(embedded, prefix = "bill_")]
///     billing: Option<Address>, // bill_street, bill_zip, bill_geo_lat, bill_geo_lon
/// }
///
/// let here = User::ADDRESS.field(Address::STREET).eq("Main Street");
/// let north = User::ADDRESS.field(Address::GEO).field(Geo::LAT).gt(60.0);
/// let unbilled = User::BILLING.is_null();
/// # let _ = here.and(north).and(unbilled);
/// ```
///
/// Each field is a column with all that a field of an entity has. It is compared, merged and written by itself: an
/// update sets only the columns that changed, and edits of different fields of one struct are both kept. In conditions,
/// orders, projections and bulk writes it is `User::ADDRESS.field(Address::STREET)`; in errors, and wherever else fields
/// have names, `address.street`. In a response the struct is an object.
///
/// A column is named by its field, behind the names of the fields that it is embedded in; `prefix = ".."` there puts
/// something else, or nothing, in front.
///
/// # Structs that may be absent
///
/// The columns of an `Option` may all be NULL, and it is `None` where they all are. So a `Some` of which nothing is
/// stored, since all its fields are `None`, is read back as `None`; give such a struct a field that is always there, or
/// leave the `Option` away. Where it comes or goes, all its columns are written. A row in which only some of the fields
/// are there that must be is an error that names the first that is not. What writes single fields of many rows, such as
/// `update_many`, does not look at the others: add `.and(User::BILLING.is_not_null())`. Defaults of columns are left
/// out, for rows of other programs would have a part of the struct.
///
/// # As JSON
///
/// With `#[entity(embedded = json)]` a struct is kept in one column, and so is a list of structs, or anything else that
/// `serde` can write and read. What is stored is `serde`'s affair, its attributes included: what a later version of the
/// program adds needs `#[serde(default)]` to be read from older rows. What a response shows is ours where the type is an
/// `Embeddable`, or an `Option` or a `Vec` of one, so that what is `hidden` is hidden in both forms; in any other type
/// it is `serde`'s. There are no conditions on what is inside.
///
/// # Attributes
///
/// On the struct, `json = ".."` is the case of names in responses, and `crate = ".."` the path of orm-core, if it is not
/// `::orm_core`. Columns that are not named follow the entity: its `rename_all`, or the naming strategy.
///
/// On a field stands in `#[embeddable(..)]` what stands in `#[entity(..)]` on the field of an entity, but for `id`,
/// `auto`, `version` and `soft_delete`, which are the row's, and for `check` and `renamed_from`, which name columns of a
/// table. Relations are between entities and can't be in a struct; nor
/// can what is embedded be a key.
#[proc_macro_derive(Embeddable, attributes(embeddable, entity))]
pub fn embeddable(input: TokenStream) -> TokenStream {
    shown(entity::derive_embeddable(&parse_macro_input!(input as DeriveInput)))
}

/// Stores an enum without data in one column.
///
/// ```
/// use orm_core::EnumValue;
///
/// #[derive(EnumValue, Clone, Debug)]
/// enum Status {
///     Draft,                            // "draft"
///     InReview,                         // "in_review"
///     #[enum_value(rename = "public")]
///     Published,                        // "public"
/// }
///
/// #[derive(EnumValue, Clone, Debug)]
/// #[enum_value(integer)]
/// enum Level {
///     Low,                              // 0
///     High = 10,                        // 10
/// }
/// ```
///
/// | attribute | on | meaning |
/// | --- | --- | --- |
/// | `rename_all = ".."` | enum | The case of the stored text: `snake_case` (the default), `camelCase`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `lowercase` or `UPPERCASE`. |
/// | `type_name = ".."` | enum | What a database that has types for enums, which is PostgreSQL, calls this one. Left out, it is the enum's name in `snake_case`. |
/// | `text` | enum | Stores text there too. |
/// | `integer` | enum | Stores the discriminants as integers, which nothing bounds but the program. |
/// | `crate = ".."` | enum | The path of orm-core, if it is not `::orm_core`. |
/// | `rename = ".."` | variant | The stored text. |
///
/// A type of its own on PostgreSQL, text with a check of the labels elsewhere: no other program stores anything else. Its
/// labels are ordered as declared on PostgreSQL and by their text elsewhere.
///
/// In responses it is what is stored. A stored value that is none of the variants is an error that names the enum.
/// For a key the enum also needs `PartialEq`, `Eq`, `Hash` and `Debug`.
#[proc_macro_derive(EnumValue, attributes(enum_value))]
pub fn enum_value(input: TokenStream) -> TokenStream {
    shown(enumeration::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Reads a struct from some columns of an entity.
///
/// `#[view(of = Article)]` names the entity. Each field is the entity's field of that name and type;
/// `#[view(from = title)]` names another one, `#[view(expr = Book::PRICE * 2)]` computes it, and `#[view(nested)]` takes
/// another view, or an `Option` of one, through a to-one relation, and a `Vec` of one through a to-many relation;
/// `#[view(embedded)]` takes an embedded struct as a whole. The
/// view can be read by a query and, without `expr`, taken from a handle with its relations populated. See
/// `orm_core::View`.
#[proc_macro_derive(View, attributes(view))]
pub fn view(input: TokenStream) -> TokenStream {
    shown(view::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Stores a struct around one value as that value.
///
/// ```
/// use orm_core::{Entity, NewtypeValue};
///
/// #[derive(NewtypeValue, Clone, Debug, Default, PartialEq, Eq, Hash)]
/// struct AuthorId(i64);
///
/// #[derive(Entity, Clone, Debug, Default)]
/// struct Author {
///     #[entity(id, auto)]
///     id: AuthorId,
/// }
///
/// let first = Author::ID.eq(AuthorId(1));
/// # let _ = first;
/// ```
///
/// The struct is a tuple struct with one field of a type that a column can hold, and implements `Clone`; for a key also
/// `PartialEq`, `Eq`, `Hash` and `Debug`. `#[newtype_value(crate = "..")]` is the path of orm-core, if it is not
/// `::orm_core`.
#[proc_macro_derive(NewtypeValue, attributes(newtype_value))]
pub fn newtype_value(input: TokenStream) -> TokenStream {
    shown(newtype::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Stores a type as its impl of `orm_core::value::CustomType` says: a struct with several fields as text, flags as an
/// integer, a type of another crate in a struct around it.
///
/// The trait says what is stored and the ways there and back, and has an example; the derive makes a column of it. In
/// responses it is what is stored. `#[custom_value(crate = "..")]` is the path of orm-core, if it is not `::orm_core`.
#[proc_macro_derive(CustomValue, attributes(custom_value))]
pub fn custom_value(input: TokenStream) -> TokenStream {
    shown(custom::derive(&parse_macro_input!(input as DeriveInput)))
}

/// Reads a row of raw SQL into a struct, by the names of its columns.
///
/// ```
/// use orm_core::{EntityManager, FromRow, Result};
///
/// #[derive(FromRow)]
/// struct Sales {
///     title: String,
///     #[from_row(column = "total")]
///     sold: Option<i64>,
/// }
///
/// async fn sales(em: &EntityManager) -> Result<Vec<Sales>> {
///     em.sql("select title, sum(count) as total from sale group by title", ()).fetch_as::<Sales>().await
/// }
/// # let _ = sales;
/// ```
///
/// Each field is a column of its name, of a type that a column can hold; columns that no field names are left aside. A
/// column that is missing, there twice, or of another type is an error that names it and the field.
///
/// | attribute | on | meaning |
/// | --- | --- | --- |
/// | `column = ".."` | field | The column. |
/// | `rename_all = ".."` | struct | The case of the other columns: `snake_case`, `camelCase`, `PascalCase`, `SCREAMING_SNAKE_CASE`, `lowercase` or `UPPERCASE`. |
/// | `crate = ".."` | struct | The path of orm-core, if it is not `::orm_core`. |
#[proc_macro_derive(FromRow, attributes(from_row))]
pub fn from_row(input: TokenStream) -> TokenStream {
    shown(row::derive(&parse_macro_input!(input as DeriveInput)))
}

/// SQL with variables in it, which are bound as values and never become text.
///
/// ```
/// use orm_core::{EntityManager, Result, sql};
///
/// async fn cheap(em: &EntityManager, genre: &str, price: i64) -> Result<Vec<String>> {
///     em.sql(sql!("select title from book where genre = {genre} and price < {price}"), ()).fetch_as().await
/// }
/// # let _ = cheap;
/// ```
///
/// The text is a literal. Places without a name, `{}`, stay for the values that stand beside it; `{{` and `}}` are braces.
/// The result is an `orm_core::sql::Sql`.
#[proc_macro]
pub fn sql(input: TokenStream) -> TokenStream {
    shown(sql::expand(&parse_macro_input!(input as LitStr)))
}

/// Runs each call of a function in a request context of its own.
///
/// Stands on functions and methods, `async` or not, also in traits and under `#[async_trait]`; of a function that
/// returns a future, the future runs in the context. The entity manager is taken from `self`, which then is an `Orm`, an
/// `EntityManager`, a `Repository` or whatever else is a `ContextSource`, or from where the attribute says:
///
/// ```
/// use orm_core::{EntityManager, Orm, create_request_context};
///
/// struct Reports {
///     orm: Orm,
/// }
///
/// impl Reports {
///     #[create_request_context(self.orm)]
///     async fn write(&self) {}
///
///     #[create_request_context(|reports| &reports.orm)]
///     fn count(&self) -> usize {
///         0
///     }
/// }
///
/// #[create_request_context(em)]
/// async fn handle(em: EntityManager, message: String) -> usize {
///     message.len()
/// }
/// # let _ = (Reports::write, Reports::count, handle);
/// ```
///
/// A call inside another context gets a context of its own all the same. To share the caller's context, use
/// `#[ensure_request_context]`. `crate = ".."` is the path of orm-core, if it is not `::orm_core`.
#[proc_macro_attribute]
pub fn create_request_context(args: TokenStream, item: TokenStream) -> TokenStream {
    shown(context::create(args.into(), item.into()))
}

/// Runs each call of a function in the caller's request context, or in one of its own if there is none.
///
/// Takes the same as `#[create_request_context]`.
///
/// ```
/// use orm_core::{EntityManager, ensure_request_context};
///
/// #[ensure_request_context(em)]
/// async fn count_books(em: &EntityManager) -> usize {
///     0
/// }
/// # let _ = count_books;
/// ```
#[proc_macro_attribute]
pub fn ensure_request_context(args: TokenStream, item: TokenStream) -> TokenStream {
    shown(context::ensure(args.into(), item.into()))
}

/// Runs each call of a function in a transaction: it commits when the function returns `Ok`, and rolls back when it returns
/// `Err` or panics.
///
/// Stands on `async` functions and methods, and on those that return a future, which return a `Result` whose error can be
/// made from `orm_core::Error`. The entity manager is taken from `self`, or from where the attribute says, as for
/// `#[create_request_context]`; in the body, that manager and all that follow the current context are in the transaction.
/// Options stand after it: `propagation = Required`, `isolation = Serializable`, `flush_mode = Commit`, `read_only`.
/// `RequiresNew` and `NotSupported` leave the open transaction, and need a manager that follows: that of the ORM.
///
/// ```
/// use orm_core::{EntityManager, Error, transactional};
///
/// struct Orders {
///     em: EntityManager,
/// }
///
/// impl Orders {
///     #[transactional(self.em)]
///     async fn place(&self, item: i64) -> Result<(), Error> {
///         self.em.flush().await
///     }
///
///     #[transactional(self.em, isolation = Serializable, read_only)]
///     async fn report(&self) -> Result<usize, Error> {
///         self.em.managed_count()
///     }
/// }
/// # let _ = (Orders::place, Orders::report);
/// ```
///
/// A call inside another transaction is a savepoint, unless `propagation` says otherwise. `crate = ".."` is the path of
/// orm-core, if it is not `::orm_core`.
#[proc_macro_attribute]
pub fn transactional(args: TokenStream, item: TokenStream) -> TokenStream {
    shown(context::transactional(args.into(), item.into()))
}

/// Takes a folder of migrations into the program; re-exported as `orm_sqlx::migration::embed!`.
///
/// The folder is named from the folder of the package's `Cargo.toml` on. It gives an `Embedded`, which is a constant:
///
/// ```ignore
/// use orm_sqlx::migration::{Embedded, Migrator, embed};
///
/// const MIGRATIONS: Embedded = embed!("migrations");
///
/// Migrator::new(&orm, MIGRATIONS).up().await?;
/// ```
///
/// The program is compiled again when a file changes. For new files to be found too, have cargo look at the folder, in a
/// `build.rs` beside the `Cargo.toml`:
///
/// ```ignore
/// fn main() {
///     println!("cargo::rerun-if-changed=migrations");
/// }
/// ```
#[proc_macro]
pub fn embed_migrations(input: TokenStream) -> TokenStream {
    let folder = parse_macro_input!(input as LitStr);
    shown(embed::expand(&folder))
}

#[cfg(test)]
mod tests;
