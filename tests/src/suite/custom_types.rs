//! Types of the program that are stored as others: they go wherever a column's type goes, and what stands for no value of
//! theirs is an error with their reason.

use std::error::Error as _;
use std::net::IpAddr;

use orm_core::{Condition, Error, Result};

use crate::Backend;
use crate::fixtures::custom::{self, Address, Host, Limit, Money, PlainHost, Rights};

fn address(last: u8) -> Address {
    Address(IpAddr::from([10, 0, 0, last]))
}

fn host(last: u8, cents: i64) -> Host {
    Host {
        address: address(last),
        price: Money { cents, currency: "EUR".into() },
        before: None,
        rights: Rights { reads: true, writes: last > 1 },
        capacity: if last > 1 { Limit::Of(5) } else { Limit::None },
        others: (0..last).map(address).collect(),
    }
}

/// They come back from one row and from sets, as keys, optional and in lists, and other programs see what is stored.
pub async fn custom_types_come_back<B: Backend>() -> Result<()> {
    let db = custom::empty::<B>().await?;
    let em = db.em();
    em.persist(host(1, 100))?;
    em.flush().await?;
    em.persist(host(2, -200))?;
    em.persist(host(3, i64::MAX))?;
    em.flush().await?;
    for (last, cents) in [(1, 100), (2, -200), (3, i64::MAX)] {
        let read = db.em().find_by_id::<Host>(address(last)).await?.expect("it was inserted").get();
        assert_eq!(format!("{read:?}"), format!("{:?}", host(last, cents)));
    }
    let plain = db.beside(|builder| builder.entity::<PlainHost>()).await?;
    let rows = plain.em().find_all::<PlainHost>().order_by(PlainHost::ADDRESS.asc()).await?;
    let seen = rows[1].get();
    assert_eq!((seen.price.as_str(), seen.rights, seen.capacity), ("-200 EUR", 3, Some(5)));
    assert_eq!(rows[0].get().capacity, None);
    Ok(())
}

/// They stand in conditions, are changed and projected; an unchanged one is no change.
pub async fn custom_types_are_asked_for_and_changed<B: Backend>() -> Result<()> {
    let db = custom::empty::<B>().await?;
    let em = db.em();
    (1..4).try_for_each(|last| em.persist(host(last, i64::from(last) * 100)).map(drop))?;
    em.flush().await?;
    let euro = |cents| Money { cents, currency: "EUR".into() };
    assert_eq!(em.count(Host::PRICE.eq(euro(200))).await?, 1);
    assert_eq!(em.count(Host::PRICE.in_([euro(100), euro(300), euro(7)])).await?, 2);
    assert_eq!(em.count(Host::ADDRESS.in_([address(1), address(2)])).await?, 2);
    assert_eq!(em.count(Host::BEFORE.is_null()).await?, 3);
    assert_eq!(em.count(Host::CAPACITY.is_null()).await?, 1);
    assert_eq!(em.count(Host::RIGHTS.gt(Rights { reads: true, writes: false })).await?, 2);

    let hosts = em.find_all::<Host>().order_by(Host::ADDRESS.asc()).await?;
    db.recorder.reset();
    let same = hosts[0].get().price.clone();
    hosts[0].edit().price = same;
    em.flush().await?;
    assert_eq!(db.statements(), 0);
    for host in &hosts {
        host.edit().before = Some(euro(1));
    }
    em.flush().await?;
    em.update_many(Host::ADDRESS.eq(address(1))).set(Host::PRICE, euro(9)).await?;
    let rows = em.find(Host::PRICE.eq(euro(9))).select((Host::ADDRESS, Host::BEFORE, Host::OTHERS)).await?;
    assert_eq!(rows, [(address(1), Some(euro(1)), vec![address(0)])]);
    Ok(())
}

/// What the type refuses to store names entity and field, and nothing is sent; the reason is the type's own.
pub async fn a_value_that_a_custom_type_refuses_is_an_error<B: Backend>() -> Result<()> {
    let db = custom::empty::<B>().await?;
    let em = db.em();
    let mut bad = host(1, 100);
    bad.price.currency = "two words".into();
    em.persist(bad.clone())?;
    let refused = |error: &Error| {
        assert!(matches!(error, Error::Value { entity: "Host", field: "price", .. }), "{error:?}");
        let reason = error.source().map(ToString::to_string).unwrap_or_default();
        assert_eq!(reason, "not a valid Money: a currency has no spaces");
    };
    refused(&em.flush().await.expect_err("it has no column"));
    assert_eq!(db.statements(), 0);
    refused(&db.em().find(Host::PRICE.eq(bad.price)).await.expect_err("nothing can be equal to it"));
    Ok(())
}

/// What another program stored and the type can't be made of is an error with the type's reason, and loads nothing.
pub async fn a_stored_value_that_is_none_of_a_custom_type_is_an_error<B: Backend>() -> Result<()> {
    let db = custom::empty::<B>().await?;
    let em = db.em();
    em.persist(host(1, 100))?;
    em.flush().await?;
    db.run(&["update host set price = 'free'"]).await?;
    let em = db.em();
    let error = em.find(Condition::<Host>::always()).await.expect_err("it is no money");
    let Error::Value { entity: "Host", field: "price", source, .. } = &error else { panic!("{error:?}") };
    assert_eq!(source.to_string(), "not a valid Money: expected an amount and a currency");
    assert_eq!(em.managed_count()?, 0);
    db.run(&["update host set price = '1 EUR', rights = 9"]).await?;
    let error = em.find(Condition::<Host>::always()).await.expect_err("there are two rights");
    assert!(matches!(error, Error::Value { field: "rights", .. }), "{error:?}");
    Ok(())
}
