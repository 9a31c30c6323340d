//! `check`, `comment` and `default_sql`: what a database checks, says and fills in by itself.

use orm_core::driver::ViolationKind;
use orm_core::{Error, Ref, Result};

use crate::fixtures::stall::{self, Offer, Seller};
use crate::{Backend, TestDb};

/// `check` on a field: the violation names the entity and the field.
pub async fn a_check_of_a_field_names_it<B: Backend>() -> Result<()> {
    let db = stall::empty::<B>().await?;
    insert(&db, Offer::at("pear", 1)).await?;
    let error = insert(&db, Offer::at("pear", 0)).await.expect_err("nothing is for free");
    expect(&error, &["price"], "stall_offer_price_check");
    assert!(error.is_violation_of(Offer::PRICE) && !error.is_violation_of(Offer::DISCOUNT));
    Ok(())
}

/// `check(name = ..)` on a `Ref` is about its foreign key.
pub async fn a_check_of_a_reference_names_it<B: Backend>() -> Result<()> {
    let db = stall::empty::<B>().await?;
    let em = db.em();
    em.persist(Seller { id: 12 })?;
    em.persist(Seller { id: 13 })?;
    em.flush().await?;
    insert(&db, Offer { seller: Some(Ref::key(12)), ..Offer::at("pear", 1) }).await?;
    let offer = Offer { seller: Some(Ref::key(13)), ..Offer::at("pear", 1) };
    let error = insert(&db, offer).await.expect_err("the seller is not welcome");
    expect(&error, &["seller"], "seller_is_welcome");
    Ok(())
}

/// `check(a, b, ..)` on the struct names the fields that it is about, and one without fields its constraint.
pub async fn a_check_of_the_row_names_what_it_is_about<B: Backend>() -> Result<()> {
    let db = stall::empty::<B>().await?;
    let error = insert(&db, Offer { discount: 6, ..Offer::at("pear", 5) }).await.expect_err("it is too much");
    expect(&error, &["price", "discount"], "discount_fits");
    let error = insert(&db, Offer::at("gold", 100)).await.expect_err("it is too cheap");
    expect(&error, &[], "no_free_gold");
    insert(&db, Offer::at("gold", 101)).await
}

/// An update is checked too, and a failed flush leaves all as it was.
pub async fn an_update_is_checked<B: Backend>() -> Result<()> {
    let db = stall::empty::<B>().await?;
    let em = db.em();
    let pear = em.persist(Offer::at("pear", 5))?;
    em.flush().await?;
    pear.edit().discount = 6;
    let error = em.flush().await.expect_err("it is too much");
    expect(&error, &["price", "discount"], "discount_fits");
    pear.edit().price = 7;
    em.flush().await?;
    assert_eq!(db.em().count(Offer::PRICE.eq(7).and(Offer::DISCOUNT.eq(6))).await?, 1);
    let error = em.update_many(Offer::PRICE.gt(0)).set(Offer::PRICE, 0).await.expect_err("for free");
    assert_eq!(error.violation().map(|violation| violation.kind), Some(ViolationKind::Check), "{error:?}");
    Ok(())
}

/// `default_sql` is computed for rows that other programs insert.
pub async fn an_expression_fills_in_rows_of_other_programs<B: Backend>() -> Result<()> {
    let db = stall::empty::<B>().await?;
    db.run(&["INSERT INTO stall_offer (name, price) VALUES ('pear', 5)"]).await?;
    assert_eq!(db.em().find_one_or_fail(Offer::NAME.eq("pear")).await?.get().discount, 2);
    Ok(())
}

/// Comments are kept as they are written, where the database keeps any.
pub async fn comments_are_kept_as_they_are<B: Backend>() -> Result<()> {
    let db = stall::empty::<B>().await?;
    let Some(comments) = B::facts().comments else { return Ok(()) };
    let mut kept: Vec<String> = db.em().sql(comments, ()).fetch_as().await?;
    kept.sort_unstable();
    assert_eq!(kept, ["What's on \"offer\" \\ today", "as the customer knows it", "who sells"]);
    Ok(())
}

#[track_caller]
fn expect(error: &Error, fields: &[&str], constraint: &str) {
    let violation = error.violation().expect("it is a violation");
    assert_eq!((violation.kind, violation.entity), (ViolationKind::Check, Some("Offer")), "{error:?}");
    assert_eq!(violation.fields, fields, "{error:?}");
    assert_eq!(violation.constraint.as_deref(), Some(constraint), "{error:?}");
}

async fn insert(db: &TestDb, offer: Offer) -> Result<()> {
    let em = db.em();
    em.persist(offer)?;
    em.flush().await
}
