//! What a bookshop knows.

use orm_core::prelude::*;

/// Writes books.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "authors")]
pub(crate) struct Author {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(length = 100)]
    pub(crate) name: String,
    #[entity(mapped_by = "author", order_by = "title")]
    pub(crate) books: Collection<Book>,
}

/// Is sold.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "books")]
pub(crate) struct Book {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(length = 200)]
    pub(crate) title: String,
    /// In cents.
    pub(crate) price: i64,
    pub(crate) stock: i32,
    pub(crate) author: Ref<Author>,
}

/// Buys books.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "customers")]
pub(crate) struct Customer {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(length = 100)]
    pub(crate) name: String,
    #[entity(unique, length = 100)]
    pub(crate) email: String,
    #[entity(mapped_by = "customer")]
    pub(crate) orders: Collection<Order>,
}

/// What a customer buys at once.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "orders")]
pub(crate) struct Order {
    #[entity(id, auto)]
    pub(crate) id: i64,
    pub(crate) customer: Ref<Customer>,
    #[entity(mapped_by = "order", cascade_remove, orphan_removal)]
    pub(crate) items: Collection<OrderItem>,
}

/// So many of a book.
#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "order_items")]
pub(crate) struct OrderItem {
    #[entity(id, auto)]
    pub(crate) id: i64,
    pub(crate) order: Ref<Order>,
    pub(crate) book: Ref<Book>,
    pub(crate) quantity: i32,
    /// What one cost when it was ordered, in cents.
    pub(crate) price: i64,
}
