//! What a handle looks like as a response: exactly what its type says is populated, whatever else the context has
//! loaded, with keys for the rest.

use std::collections::BTreeMap;

use orm_core::{EntityManager, Error, Ref, Result};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Backend;
use crate::fixtures::account::{self, Account, Standing, account};
use crate::fixtures::blog::{self, Author, Book, Publisher, Tag};
use crate::fixtures::broken::{self, StrayComment};
use crate::fixtures::people::{self, Passport, Person};
use crate::fixtures::stock::{self, Label, Lot, Product};
use crate::fixtures::tree::{self, Node};

fn to_json(value: &impl Serialize) -> Result<Value> {
    serde_json::to_value(value).map_err(Error::other)
}

fn to_text(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::other)
}

async fn plain_book(em: &EntityManager) -> Result<Value> {
    to_json(&em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?)
}

async fn book_with_author(em: &EntityManager) -> Result<Value> {
    to_json(&em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::AUTHOR).await?)
}

fn clash() -> Value {
    json!({ "id": 1, "title": "A Clash", "price": 10, "author": 1, "publisher": 1 })
}

fn jon() -> Value {
    json!({ "id": 1, "name": "Jon Snow", "email": "jon@wall.org", "age": null, "mentor": null })
}

fn clash_with_author() -> Value {
    json!({ "id": 1, "title": "A Clash", "price": 10, "author": jon(), "publisher": 1 })
}

// ---- the shape

/// The same book asked for with and without its author, in both orders on one manager: each response is as if the other
/// had never been asked for.
///
/// Seeds: "Problem 2 - unstable response of API endpoints". Case J179, by our rule: hints never accumulate.
pub async fn a_response_does_not_depend_on_what_was_asked_before<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;

    let em = db.em();
    assert_eq!(plain_book(&em).await?, clash());
    assert_eq!(book_with_author(&em).await?, clash_with_author());
    assert_eq!(plain_book(&em).await?, clash());

    let em = db.em();
    assert_eq!(book_with_author(&em).await?, clash_with_author());
    assert_eq!(plain_book(&em).await?, clash());
    assert_eq!(book_with_author(&em).await?, clash_with_author());
    Ok(())
}

/// A handle keeps its own shape when others of the same entity are populated further: hints belong to the handle.
///
/// Case J179, by our rule.
pub async fn hints_belong_to_the_handle<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let plain = em.find_one_or_fail(Book::TITLE.eq("A Clash")).await?;
    let with_author = em.populate(&plain, Book::AUTHOR).await?;
    let with_more = em.populate(&plain, (Book::AUTHOR.then(Author::BOOKS), Book::TAGS)).await?;
    plain.tags_ref().load().await?;
    plain.publisher_ref().load().await?;

    assert!(plain == with_author && with_author == with_more);
    assert_eq!(to_json(&plain)?, clash());
    assert_eq!(to_json(&with_author)?, clash_with_author());
    assert_eq!(to_json(&with_more)?["tags"].as_array().map(Vec::len), Some(2));
    assert_eq!(to_json(&with_more.without_hints())?, clash());
    assert_eq!(to_json(&plain.try_with(Book::AUTHOR)?)?, clash_with_author());
    Ok(())
}

/// What is populated is written out, level by level, and below it keys again: the author of the items is a key though
/// it is the very entity above.
///
/// Case J170.
pub async fn what_is_populated_is_written_out_and_no_more<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;

    let publisher = db
        .em()
        .find_one_or_fail(Publisher::NAME.eq("Ravens"))
        .populate(Publisher::BOOKS.then((Book::AUTHOR, Book::TAGS)))
        .await?;

    let tags = json!([{ "id": 1, "label": "winter" }, { "id": 2, "label": "war" }]);
    let book = |id: i64, title: &str| json!({ "id": id, "title": title, "price": 10, "author": jon(), "publisher": 1, "tags": tags });
    let expected = json!({ "id": 1, "name": "Ravens", "books": [book(1, "A Clash"), book(2, "A Storm"), book(3, "The Wall")] });
    assert_eq!(to_json(&publisher)?, expected);
    Ok(())
}

/// Nothing populated: to-one relations are keys, absent ones null, collections are left out.
///
/// Case J174.
pub async fn without_hints_relations_are_keys<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let authors = em.find_all::<Author>().order_by(Author::NAME.asc()).await?;

    let sam = json!({ "id": 2, "name": "Sam Tarly", "email": null, "age": null, "mentor": 1 });
    assert_eq!(to_json(&authors)?, json!([jon(), sam]));
    assert_eq!(to_json(&authors[0].books_ref().load().await?)?[0], clash());
    Ok(())
}

/// A collection that is not populated is left out; one that is populated and empty is an empty list.
///
/// Case J178.
pub async fn an_empty_collection_is_a_list_an_unpopulated_one_is_absent<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let sam = to_json(&em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).await?)?;
    assert_eq!(sam.get("books"), None);
    let sam = to_json(&em.find_one_or_fail(Author::NAME.eq("Sam Tarly")).populate(Author::BOOKS).await?)?;
    assert_eq!(sam.get("books"), Some(&json!([])));
    assert_eq!(sam.get("students"), None);
    Ok(())
}

/// A populated to-one relation that is absent is null, from either side; the side without a foreign key is left out
/// where it is not populated.
pub async fn an_absent_to_one_relation_is_null<B: Backend>() -> Result<()> {
    let db = people::seeded::<B>().await?;
    let em = db.em();

    let people = em.find_all::<Person>().populate(Person::PASSPORT).order_by(Person::NAME.asc()).await?;
    let passport = json!({ "id": 1, "number": "A", "holder": 1 });
    let expected = json!([{ "id": 1, "name": "Ann", "passport": passport }, { "id": 2, "name": "Bob", "passport": null }]);
    assert_eq!(to_json(&people)?, expected);
    assert_eq!(to_json(&people[0].without_hints())?, json!({ "id": 1, "name": "Ann" }));
    let spare = em.find_one_or_fail(Passport::NUMBER.eq("B")).populate(Passport::HOLDER).await?;
    assert_eq!(to_json(&spare)?, json!({ "id": 2, "number": "B", "holder": null }));
    Ok(())
}

/// Circles end: each level of the response is a level of the type.
pub async fn circles_end<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();

    let jon = em
        .find_one_or_fail(Author::NAME.eq("Jon Snow"))
        .populate(Author::BOOKS.then(Book::AUTHOR.then(Author::BOOKS)))
        .await?;

    let response = to_json(&jon)?;
    assert_eq!(
        response["books"][0]["author"]["books"][2],
        json!({
            "id": 3, "title": "The Wall", "price": 10, "author": 1, "publisher": 1
        })
    );
    assert_eq!(response["books"][0]["author"]["name"], response["name"]);
    Ok(())
}

/// An entity that refers to itself is its own key, or itself once a level.
pub async fn an_entity_that_refers_to_itself_ends_too<B: Backend>() -> Result<()> {
    let db = tree::empty::<B>().await?;
    let em = db.em();
    let node = em.persist(Node::new("self"))?;
    node.edit().parent = (&node).into();
    node.links_ref().add(&node)?;
    em.flush().await?;

    let node = em.find_one_or_fail(Node::LABEL.eq("self")).populate(Node::PARENT.then(Node::LINKS)).await?;

    let bottom = json!({ "id": 1, "label": "self", "parent": 1 });
    assert_eq!(to_json(&node.without_hints())?, bottom);
    let expected = json!({
        "id": 1, "label": "self",
        "parent": { "id": 1, "label": "self", "parent": 1, "links": [bottom] },
    });
    assert_eq!(to_json(&node)?, expected);
    Ok(())
}

/// Fields come in the order of the struct, relations in their places.
pub async fn fields_come_in_the_order_of_the_struct<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;

    let clash = db.em().find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::PUBLISHER).await?;

    let expected = r#"{"id":1,"title":"A Clash","price":10,"author":1,"publisher":{"id":1,"name":"Ravens"}}"#;
    assert_eq!(to_text(&clash)?, expected);
    Ok(())
}

/// Unsaved edits are part of the response, and so are moved, added and removed items.
pub async fn a_response_shows_the_entity_as_it_is_now<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).populate(Author::BOOKS).await?;

    jon.edit().age = Some(17);
    jon.books()[0].edit().author = Ref::key(2);
    jon.books()[0].edit().title = "Edited".into();
    em.persist(Book::new("New", &jon))?;

    let response = to_json(&jon)?;
    let titles: Vec<_> =
        response["books"].as_array().into_iter().flatten().map(|book| book["title"].clone()).collect();
    assert_eq!(
        (response["age"].clone(), titles),
        (json!(17), vec![json!("Edited"), json!("The Wall"), json!("New")])
    );
    Ok(())
}

/// What the program itself pointed at something not loaded is an error of the serializer, naming it, and no panic.
pub async fn a_broken_promise_is_an_error_of_the_serializer<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let clash = em.find_one_or_fail(Book::TITLE.eq("A Clash")).populate(Book::AUTHOR).await?;
    clash.edit().author = Ref::key(2);

    let Err(error) = serde_json::to_string(&clash) else { panic!("Sam is not loaded") };
    assert!(error.to_string().contains("`author` of Book[1]"), "{error}");
    assert_eq!(to_json(&clash.without_hints())?["author"], json!(2));
    Ok(())
}

/// A relation whose row may be missing is null when populated, and its key when not.
pub async fn a_missing_target_is_null_when_populated<B: Backend>() -> Result<()> {
    let db = broken::seeded::<B>(|builder| builder.entity::<StrayComment>()).await?;

    let stray = db.em().find_one_or_fail(StrayComment::POST.eq(99)).populate(StrayComment::POST).await?;

    assert_eq!(to_json(&stray)?, json!({ "id": 2, "post": null }));
    assert_eq!(to_json(&stray.without_hints())?, json!({ "id": 2, "post": 99 }));
    Ok(())
}

// ---- keys

/// A composite key of its own is its fields; as a reference it is a list of them.
pub async fn a_composite_key_is_a_list<B: Backend>() -> Result<()> {
    let db = stock::seeded::<B>().await?;
    let em = db.em();

    let lots = em.find_all::<Lot>().order_by(Lot::SHELF.asc()).await?;
    let left = json!({ "id": 1, "shelf": "left", "product": ["A", 1] });
    let nowhere = json!({ "id": 3, "shelf": "nowhere", "product": null });
    assert_eq!(to_json(&lots[..2].to_vec())?, json!([left, nowhere]));

    let product = em
        .find_by_id::<Product>(("A".to_owned(), 1))
        .populate((Product::LOTS, Product::LABELS.then(Label::PRODUCTS)))
        .await?;
    let first = json!({ "sku": "A", "variant": 1, "title": "A 1" });
    let second = json!({ "sku": "A", "variant": 2, "title": "A 2" });
    let mut expected = first.clone();
    expected["lots"] = json!([left, { "id": 2, "shelf": "right", "product": ["A", 1] }]);
    expected["labels"] =
        json!([{ "text": "new", "products": [first, second] }, { "text": "sale", "products": [first] }]);
    assert_eq!(to_json(&product)?, expected);
    Ok(())
}

// ---- names and values

/// Hidden fields never appear, populated ones included; names follow the entity's rule or the field's own.
///
/// Case J176.
pub async fn hidden_fields_are_left_out_and_names_follow_the_rules<B: Backend>() -> Result<()> {
    let db = account::empty::<B>().await?;
    let em = db.em();
    let main = em.persist(account(1))?;
    em.persist(Account {
        main_account: (&main).into(),
        referrer: (&main).into(),
        email_address: Some("ann@example.org".into()),
        ..account(2)
    })?;
    em.flush().await?;

    let em = db.em();
    let second = em
        .find_one_or_fail(Account::EMAIL_ADDRESS.is_not_null())
        .populate((Account::MAIN_ACCOUNT, Account::REFERRER))
        .await?;
    assert!(second.referrer().is_some());

    let response = to_json(&second)?;
    let names: Vec<_> = response.as_object().into_iter().flat_map(|map| map.keys().cloned()).collect();
    let mut expected = [
        "uuid",
        "fullName",
        "mail",
        "balance",
        "bornOn",
        "wakesAt",
        "localTime",
        "createdAt",
        "settings",
        "score",
        "isActive",
        "standing",
        "level",
        "points",
        "parent",
    ];
    expected.sort_unstable();
    assert_eq!(names, expected);
    assert_eq!(response["parent"]["uuid"], json!("00000000-0000-0000-0000-000000000001"));
    assert!(!to_text(&second)?.contains("secret"));
    assert!(!format!("{second:?}").contains("secret"));
    assert_eq!(to_json(&second.without_hints())?["parent"], json!("00000000-0000-0000-0000-000000000001"));
    Ok(())
}

/// Every type has one form: text for what JSON numbers would round or has no type for, and it is the same before and
/// after a round through the database.
pub async fn every_type_has_its_form<B: Backend>() -> Result<()> {
    let db = account::empty::<B>().await?;
    let em = db.em();
    let new = em.persist(account(0x0190_1234_5678_7abc_8def_0123_4567_89ab))?;

    let expected = json!({
        "uuid": "01901234-5678-7abc-8def-0123456789ab",
        "fullName": "Ann Lee",
        "mail": null,
        "balance": "12.50",
        "bornOn": "2024-02-29",
        "wakesAt": "07:30:00.250",
        "localTime": "2024-02-29T07:30:00.250",
        "createdAt": "2024-02-29T07:30:00.250Z",
        "settings": { "theme": "dark", "sizes": [1, 2] },
        "score": 1.5,
        "isActive": true,
        "standing": "in_good_order",
        "level": 7,
        "points": 40,
        "parent": null,
    });
    assert_eq!(to_json(&new)?, expected);
    em.flush().await?;
    assert_eq!(to_json(&new)?, expected);

    let stored = db.em().find_one_or_fail(Account::STANDING.eq(Standing::InGoodOrder)).await?;
    let mut expected = expected;
    if !B::facts().keeps_scale {
        expected["balance"] = json!("12.5");
    }
    assert_eq!(to_json(&stored)?, expected);
    Ok(())
}

// ---- new entities

/// A new entity is written with its collections, which are known, and with the keys of what it points to, as soon as
/// there are any.
pub async fn a_new_entity_is_written_with_its_collections<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let em = db.em();
    let jon = em.find_one_or_fail(Author::NAME.eq("Jon Snow")).await?;
    let ann = em.persist(Author::new("Ann"))?;
    let book = em.persist(Book { tags: [Tag::new("magic")].into(), ..Book::new("First", &ann) })?;
    let other = em.persist(Book::new("Other", &jon))?;

    let tags = json!([{ "id": 0, "label": "magic" }]);
    let expected =
        json!({ "id": 0, "title": "First", "price": 0, "author": null, "publisher": null, "tags": tags });
    assert_eq!(to_json(&book)?, expected);
    assert_eq!(to_json(&other)?["author"], json!(1));
    em.flush().await?;

    // Keys are unique, and there may be gaps between them.
    let tag = db.em().find_one_or_fail(Tag::LABEL.eq("magic")).await?.id();
    let tags = json!([{ "id": tag, "label": "magic" }]);
    let expected =
        json!({ "id": 4, "title": "First", "price": 0, "author": 3, "publisher": null, "tags": tags });
    assert_eq!(to_json(&book)?, expected);
    let books = json!([{ "id": 4, "title": "First", "price": 0, "author": 3, "publisher": null }]);
    let expected = json!({
        "id": 3, "name": "Ann", "email": null, "age": null, "mentor": null, "students": [], "books": books,
    });
    assert_eq!(to_json(&ann)?, expected);
    Ok(())
}

/// Handles are a part of any serialisable value.
pub async fn handles_are_a_part_of_any_response<B: Backend>() -> Result<()> {
    let db = blog::seeded::<B>().await?;
    let (items, total) = db.em().find_and_count(Book::PRICE.gt(0)).order_by(Book::ID.asc()).limit(1).await?;

    let response = (total, items.first(), BTreeMap::from([("items", &items)]));

    assert_eq!(to_json(&response)?, json!([3, clash(), { "items": [clash()] }]));
    Ok(())
}
