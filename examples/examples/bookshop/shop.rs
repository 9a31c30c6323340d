//! A day in the shop: books come in, a customer orders, changes their mind, and pays.

use orm_core::prelude::*;

use super::model::{Author, Book, Customer, Order, OrderItem};

/// Everything of the day, on an empty shop. Gives the line that sums it up.
pub(crate) async fn run(orm: &Orm) -> Result<String> {
    let em = orm.em().fork();
    println!("\nEmpty the shop of what an earlier day left:");
    em.transactional(async |em| {
        em.delete_many::<OrderItem>(Condition::always()).all().await?;
        em.delete_many::<Order>(Condition::always()).all().await?;
        em.delete_many::<Customer>(Condition::always()).all().await?;
        em.delete_many::<Book>(Condition::always()).all().await?;
        em.delete_many::<Author>(Condition::always()).all().await
    })
    .await?;

    println!("\nTake two authors and four books in, with one flush:");
    for (name, titles) in [
        ("Ursula K. Le Guin", ["The Dispossessed", "The Lathe of Heaven"]),
        ("Stanisław Lem", ["Solaris", "The Cyberiad"]),
    ] {
        let author = em.persist(Author { name: name.into(), ..Author::default() })?;
        for title in titles {
            let book = Book { title: title.into(), price: 1_250, stock: 5, ..Book::default() };
            em.persist(Book { author: (&author).into(), ..book })?;
        }
    }
    em.flush().await?;

    println!("\nA customer orders two of Solaris and one of The Cyberiad:");
    let order = em
        .transactional(async |em| {
            let (name, email) = ("Ann".to_owned(), "ann@example.org".to_owned());
            let customer = em.persist(Customer { name, email, ..Customer::default() })?;
            let order = em.persist(Order { customer: (&customer).into(), ..Order::default() })?;
            for (title, quantity) in [("Solaris", 2), ("The Cyberiad", 1)] {
                let book = em.find_one_or_fail(Book::TITLE.eq(title)).await?;
                book.edit().stock -= quantity;
                let price = book.get().price;
                let item = OrderItem { quantity, price, ..OrderItem::default() };
                em.persist(OrderItem { order: (&order).into(), book: (&book).into(), ..item })?;
            }
            Ok(order)
        })
        .await?;

    println!("\nAnother day: the order as it was left, with all that belongs to it:");
    let order_id = order.id();
    let em = orm.em().fork();
    let order = em
        .find_by_id_or_fail::<Order>(order_id)
        .populate((Order::CUSTOMER, Order::ITEMS.then(OrderItem::BOOK.then(Book::AUTHOR))))
        .await?;
    for item in order.items() {
        let book = item.book();
        println!("  {} × {} by {}", item.get().quantity, book.get().title, book.author().get().name);
    }

    println!("\nThe customer wants three of Solaris, and The Cyberiad no more; its price goes up meanwhile:");
    for item in order.items() {
        let book = item.book();
        let wanted = if book.get().title == "Solaris" { 3 } else { 0 };
        book.edit().stock += item.get().quantity - wanted;
        match wanted {
            0 => {
                book.edit().price += 100;
                em.remove(&item)?;
            }
            wanted => item.edit().quantity = wanted,
        }
    }
    em.flush().await?;

    println!("\nWhat there is in the end:");
    let em = orm.em().fork();
    let books = em.find_all::<Book>().order_by(Book::TITLE.asc()).populate(Book::AUTHOR).await?;
    for book in &books {
        let Book { title, price, stock, .. } = &*book.get();
        println!("  {title} by {}: {stock} at {price}", book.author().get().name);
    }
    let items = em.find_all::<OrderItem>().await?;
    let sum: i64 = items.iter().map(|item| i64::from(item.get().quantity) * item.get().price).sum();
    let stock: i32 = books.iter().map(|book| book.get().stock).sum();
    Ok(format!("{} books, {stock} in stock, {} ordered for {sum}", books.len(), items.len()))
}
