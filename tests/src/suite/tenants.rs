//! Tenants: a filter that takes its parameter from the values of the request, and guards what a flush writes.

use orm_core::{Condition, EntityManager, Error, Result};

use crate::fixtures::tenancy::{self, Administrator, CurrentTenant, Customer, OfTenant, Order};
use crate::{Backend, TestDb};

fn of(db: &TestDb, tenant: i64) -> Result<EntityManager> {
    let em = db.em();
    em.set(CurrentTenant(tenant))?;
    Ok(em)
}

/// Each request sees its own tenant, through relations too; the house sees all.
pub async fn a_request_sees_its_tenant<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = of(&db, 1)?;
    let customers = em.find_all::<Customer>().populate(Customer::ORDERS).await?;
    assert_eq!(customers.len(), 1);
    assert_eq!(customers[0].orders()[0].get().article, "ann's");
    assert_eq!(of(&db, 2)?.fork().find_all::<Order>().await?[0].get().article, "bob's");

    let house = db.em();
    house.set(Administrator)?;
    assert_eq!(house.count(Condition::<Order>::always()).await?, 2);
    Ok(())
}

/// Without a tenant nothing is sent, and the error says what to set.
pub async fn a_request_without_a_tenant_is_refused<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let error = db.em().find_all::<Order>().await.expect_err("no tenant is set");
    assert!(matches!(error, Error::MissingFilterValue { filter: "tenant", entity: "Order", .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("CurrentTenant") && text.contains("em.set(..)"), "{text}");
    assert_eq!(db.statements(), 0);
    assert_eq!(db.em().count(Condition::<Order>::always()).without_filter::<OfTenant>().await?, 2);
    Ok(())
}

/// The identity map of a context that changes its tenant does not show what it has of the other.
pub async fn changing_the_tenant_hides_what_is_loaded<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = of(&db, 1)?;
    let ann = em.find_one_or_fail(Customer::NAME.eq("ann")).populate(Customer::ORDERS).await?;
    em.set(CurrentTenant(2))?;

    assert_eq!(em.find_by_id::<Customer>(ann.id()).await?, None);
    assert_eq!(ann.orders_ref().load().await?.len(), 0);
    em.set(CurrentTenant(1))?;
    assert_eq!(em.find_by_id::<Customer>(ann.id()).await?, Some(ann.without_hints()));
    Ok(())
}

/// A new row of another tenant is refused before anything is sent, and stays for the program to correct.
pub async fn a_new_row_of_another_tenant_is_refused<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = of(&db, 1)?;
    let cat = em.persist(Customer { tenant: 2, name: "cat".into(), ..Customer::default() })?;
    let error = em.flush().await.expect_err("it is another tenant's");
    assert!(matches!(&error, Error::RefusedByFilter { filter, .. } if filter == "tenant"), "{error}");
    assert_eq!(db.statements(), 0);

    cat.edit().tenant = 1;
    em.flush().await?;
    assert_eq!(em.count(Condition::<Customer>::always()).await?, 2);
    Ok(())
}

/// Where memory can't tell, the new rows are counted before the commit.
pub async fn a_new_row_is_judged_by_the_database_where_memory_cannot<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let bob = of(&db, 2)?.find_one_or_fail(Customer::NAME.eq("bob")).await?.id();
    let em = of(&db, 1)?;
    let ann = em.find_one_or_fail(Customer::NAME.eq("ann")).await?;
    let bobs = em.get_reference::<Customer>(bob)?.to_ref();
    let order = em.persist(Order { article: "stolen".into(), customer: bobs, ..Order::default() })?;
    let error = em.flush().await.expect_err("it is another tenant's");
    assert!(matches!(&error, Error::RefusedByFilter { .. }), "{error}");

    order.edit().customer = ann.to_ref();
    em.flush().await?;
    assert_eq!(em.count(Condition::<Order>::always()).await?, 2);
    let all = db.em().count(Condition::<Order>::always()).without_filters().await?;
    assert_eq!(all, 3, "the refused row was rolled back");
    Ok(())
}

/// A loaded row can neither be given to another tenant, nor changed or deleted by one.
pub async fn a_row_of_another_tenant_is_not_written<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = of(&db, 1)?;
    let ann = em.find_one_or_fail(Customer::NAME.eq("ann")).await?;
    ann.edit().tenant = 2;
    assert!(matches!(em.flush().await.expect_err("it is another tenant's"), Error::RefusedByFilter { .. }));
    em.refresh(&ann).await?;

    let bob = em.find_one_or_fail(Customer::NAME.eq("bob")).without_filters().await?;
    bob.edit().name = "rob".into();
    assert!(matches!(em.flush().await.expect_err("it is another tenant's"), Error::RefusedByFilter { .. }));
    em.refresh(&bob).await?;
    em.remove(&bob)?;
    assert!(matches!(em.flush().await.expect_err("it is another tenant's"), Error::RefusedByFilter { .. }));

    em.restore(&bob)?;
    em.disable_filter::<OfTenant>()?;
    bob.edit().name = "rob".into();
    em.flush().await?;
    assert_eq!(em.count(Customer::NAME.eq("rob")).await?, 1);
    Ok(())
}

/// What memory does not know, such as a row that others gave away or that was never loaded, the statement itself checks.
pub async fn a_guard_is_part_of_the_statement<B: Backend>() -> Result<()> {
    let db = tenancy::seeded::<B>().await?;
    let em = of(&db, 1)?;
    let ann = em.find_one_or_fail(Customer::NAME.eq("ann")).await?;
    ann.edit().name = "anna".into();
    em.flush().await?;

    let house = db.em();
    house.disable_filters()?;
    house.find_by_id::<Customer>(ann.id()).await?.expect("it is there").edit().tenant = 2;
    house.flush().await?;
    ann.edit().name = "hanna".into();
    let error = em.flush().await.expect_err("it is another tenant's");
    assert!(matches!(&error, Error::RefusedByFilter { .. }), "{error}");
    assert_eq!(db.em().count(Customer::NAME.eq("anna")).without_filters().await?, 1);

    let em = of(&db, 1)?;
    let bobs = house.find_one_or_fail(Order::ARTICLE.eq("bob's")).await?.id();
    em.remove(em.get_reference::<Order>(bobs)?)?;
    let error = em.flush().await.expect_err("it is another tenant's");
    assert!(matches!(&error, Error::RefusedByFilter { .. }), "{error}");
    em.clear()?;
    em.set(CurrentTenant(2))?;
    em.remove(em.get_reference::<Order>(bobs)?)?;
    em.flush().await?;
    assert_eq!(db.em().count(Condition::<Order>::always()).without_filters().await?, 1);
    Ok(())
}
