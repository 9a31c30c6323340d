//! Generated conditions, asked of the database and of the same rows in memory: both must find the same.
//!
//! Memory follows the rules that the methods of conditions document: NULL compares to unknown, a to-one relation
//! without a target is false, `some`, `none` and `every` are never unknown.

use std::rc::Rc;

use orm_core::{Collection, Condition, Loaded, Ref, Result};

use crate::fixtures::blog::{self, Author, Book, Profile, Publisher, Tag};
use crate::{Backend, TestDb};

/// Several hundred conditions of every kind, up to four levels deep, on authors and on books.
pub async fn generated_conditions_find_what_memory_finds<B: Backend>() -> Result<()> {
    let (db, world) = World::seeded::<B>(&mut Random(7)).await?;
    let (mut found, mut missed) = (0, 0);
    for seed in 0..400 {
        let random = &mut Random(seed);
        let depth = random.below(4);
        let (condition, meets) = author(random, &world, depth);
        let expected: Vec<i64> = keys(world.authors.iter().map(|one| (one.id, meets(&world, one))));
        let asked = ask(&db, &condition, Author::ID.asc(), Loaded::id).await?;
        assert_eq!(asked, expected, "seed {seed}: {condition:?}");
        assert_eq!(db.em().count(condition).await?, expected.len() as u64, "seed {seed}");

        let (condition, meets) = book(random, &world, depth);
        let expected: Vec<i64> = keys(world.books.iter().map(|one| (one.id, meets(&world, one))));
        let asked = ask(&db, &condition, Book::ID.asc(), Loaded::id).await?;
        assert_eq!(asked, expected, "seed {seed}: {condition:?}");
        found += expected.len();
        missed += world.books.len() - expected.len();
    }
    assert!(found > 2_000 && missed > 2_000, "the conditions decide too little: {found} found, {missed} not");
    Ok(())
}

async fn ask<T: orm_core::Entity>(
    db: &TestDb,
    condition: &Condition<T>,
    order: orm_core::OrderBy<T>,
    id: fn(&Loaded<T>) -> i64,
) -> Result<Vec<i64>> {
    Ok(db.em().find(condition.clone()).order_by(order).await?.iter().map(id).collect())
}

/// Those for which the condition is true, neither false nor unknown.
fn keys(rows: impl Iterator<Item = (i64, Truth)>) -> Vec<i64> {
    let mut keys: Vec<i64> = rows.filter(|(_, truth)| *truth == Some(true)).map(|(id, _)| id).collect();
    keys.sort_unstable();
    keys
}

// ---- the rows

struct World {
    authors: Vec<AuthorRow>,
    books: Vec<BookRow>,
}

struct AuthorRow {
    id: i64,
    name: String,
    email: Option<String>,
    age: Option<i32>,
    mentor: Option<i64>,
    bio: Option<String>,
}

struct BookRow {
    id: i64,
    title: String,
    price: i64,
    author: i64,
    publisher: Option<String>,
    tags: Vec<String>,
}

impl World {
    async fn seeded<B: Backend>(random: &mut Random) -> Result<(TestDb, Self)> {
        let db = blog::empty::<B>().await?;
        let em = db.em();
        let mut authors = Vec::new();
        for number in 0..24_usize {
            // Emails are unique; the number in front makes them so.
            let email = random.maybe(|random| format!("{number}{}", random.word()));
            let age = random.maybe(Random::small).map(|age| i32::try_from(age).unwrap_or_default());
            let mentor: Option<Ref<Author>> = match authors.as_slice() {
                [] => None,
                known => random.maybe(|random| random.one_of::<Loaded<Author, _>>(known).to_ref()),
            };
            let name = random.word();
            authors.push(em.persist(Author { name, email, age, mentor, ..Author::default() })?);
        }
        let publishers =
            ["north", "south"].map(|name| Publisher { name: name.into(), ..Publisher::default() });
        let publishers = publishers.map(|publisher| em.persist(publisher));
        let publishers = publishers.into_iter().collect::<Result<Vec<_>>>()?;
        let labels = ["red", "blue", "green"];
        let tags = labels.map(|label| em.persist(Tag::new(label)));
        let tags = tags.into_iter().collect::<Result<Vec<_>>>()?;
        let mut books = Vec::new();
        for _ in 0..48 {
            let owned: Collection<Tag> =
                tags.iter().filter(|_| random.below(3) == 0).map(Loaded::to_ref).collect();
            let publisher = random.maybe(|random| random.one_of(&publishers).to_ref());
            let author = random.one_of(&authors).to_ref();
            let title = random.word();
            books.push(em.persist(Book {
                title,
                price: random.small(),
                author,
                publisher,
                tags: owned,
                id: 0,
            })?);
        }
        for author in authors.iter().step_by(3) {
            em.persist(Profile { bio: random.word(), author: author.into(), ..Profile::default() })?;
        }
        em.flush().await?;

        let world = Self {
            authors: authors.iter().map(AuthorRow::of).collect::<Result<_>>()?,
            books: books.iter().map(BookRow::of).collect::<Result<_>>()?,
        };
        Ok((db, world))
    }

    fn author(&self, id: i64) -> Option<&AuthorRow> {
        self.authors.iter().find(|one| one.id == id)
    }
}

impl AuthorRow {
    fn of<P: 'static>(author: &Loaded<Author, P>) -> Result<Self> {
        let row = author.get();
        Ok(Self {
            id: author.id(),
            name: row.name.clone(),
            email: row.email.clone(),
            age: row.age,
            mentor: author.mentor_ref().key(),
            bio: author.profile_ref().get()?.map(|profile| profile.get().bio.clone()),
        })
    }
}

impl BookRow {
    fn of<P: 'static>(book: &Loaded<Book, P>) -> Result<Self> {
        let row = book.get();
        let publisher = book.publisher_ref();
        Ok(Self {
            id: book.id(),
            title: row.title.clone(),
            price: row.price,
            author: book.author_ref().key().unwrap_or_default(),
            publisher: if publisher.is_set() { Some(publisher.get()?.get().name.clone()) } else { None },
            tags: book.tags_ref().items()?.iter().map(|tag| tag.get().label.clone()).collect(),
        })
    }
}

// ---- conditions, and what they mean

/// True, false or unknown.
type Truth = Option<bool>;

/// What a condition means for a row `R`.
type Meaning<R> = Rc<dyn Fn(&World, &R) -> Truth>;

/// A condition on `T`, and its meaning for a row `R`.
type Pair<T, R> = (Condition<T>, Meaning<R>);

/// Whether two values compare as an operator says.
type Compare<V> = fn(&V, &V) -> bool;

fn author(random: &mut Random, world: &World, depth: usize) -> Pair<Author, AuthorRow> {
    if depth > 0 && random.below(3) > 0 {
        return match random.below(8) {
            0..=2 => combined(random, |random| author(random, world, depth - 1)),
            3 => {
                let (inner, meets) = author(random, world, depth - 1);
                let is = move |world: &World, row: &AuthorRow| {
                    let mentor = row.mentor.and_then(|id| world.author(id));
                    mentor.map_or(Some(false), |mentor| meets(world, mentor))
                };
                (Author::MENTOR.is(inner), Rc::new(is))
            }
            4 => {
                let word = random.word();
                let is = {
                    let word = word.clone();
                    move |_: &World, row: &AuthorRow| {
                        Some(row.bio.as_ref().is_some_and(|bio| bio.contains(&word)))
                    }
                };
                (Author::PROFILE.is(Profile::BIO.contains(word)), Rc::new(is))
            }
            5 => {
                let (inner, meets) = author(random, world, depth - 1);
                let of = |world: &World, row: &AuthorRow| {
                    let students = world.authors.iter().filter(|one| one.mentor == Some(row.id));
                    students.map(|one| one.id).collect::<Vec<_>>()
                };
                let met = move |world: &World, id: &i64| {
                    world.author(*id).is_some_and(|student| meets(world, student) == Some(true))
                };
                match random.below(3) {
                    0 => (Author::STUDENTS.some(inner), some(of, met)),
                    1 => (Author::STUDENTS.none(inner), none(of, met)),
                    _ => (Author::STUDENTS.every(inner), every(of, met)),
                }
            }
            _ => {
                let (inner, meets) = book(random, world, depth - 1);
                let of = |world: &World, row: &AuthorRow| {
                    let places = world.books.iter().enumerate().filter(|(_, one)| one.author == row.id);
                    places.map(|(place, _)| place).collect::<Vec<_>>()
                };
                let met =
                    move |world: &World, place: &usize| meets(world, &world.books[*place]) == Some(true);
                match random.below(3) {
                    0 => (Author::BOOKS.some(inner), some(of, met)),
                    1 => (Author::BOOKS.none(inner), none(of, met)),
                    _ => (Author::BOOKS.every(inner), every(of, met)),
                }
            }
        };
    }
    match random.below(6) {
        0 => number(random, Author::AGE, |row: &AuthorRow| row.age),
        1 => text(random, Author::EMAIL, |row: &AuthorRow| row.email.clone()),
        2 => text(random, Author::NAME, |row: &AuthorRow| Some(row.name.clone())),
        3 => {
            let ages: Vec<Option<i32>> = (0..random.below(4)).map(|_| random.maybe(Random::age)).collect();
            let (wants_null, known) =
                (ages.contains(&None), ages.iter().flatten().copied().collect::<Vec<_>>());
            let listed = move |_: &World, row: &AuthorRow| {
                let in_list =
                    if known.is_empty() { Some(false) } else { row.age.map(|age| known.contains(&age)) };
                if wants_null { or(in_list, Some(row.age.is_none())) } else { in_list }
            };
            (Author::AGE.in_(ages), Rc::new(listed))
        }
        4 => {
            let ids: Vec<i64> = (0..random.below(4)).map(|_| random.one_of(&world.authors).id).collect();
            let keys = ids.clone();
            let listed = move |_: &World, row: &AuthorRow| {
                if keys.is_empty() { Some(false) } else { row.mentor.map(|mentor| keys.contains(&mentor)) }
            };
            (Author::MENTOR.in_(ids), Rc::new(listed))
        }
        _ => (Author::MENTOR.is_null(), Rc::new(|_: &World, row: &AuthorRow| Some(row.mentor.is_none()))),
    }
}

fn book(random: &mut Random, world: &World, depth: usize) -> Pair<Book, BookRow> {
    if depth > 0 && random.below(3) > 0 {
        return match random.below(6) {
            0..=1 => combined(random, |random| book(random, world, depth - 1)),
            2..=3 => {
                let (inner, meets) = author(random, world, depth - 1);
                let is = move |world: &World, row: &BookRow| {
                    world.author(row.author).map_or(Some(false), |author| meets(world, author))
                };
                (Book::AUTHOR.is(inner), Rc::new(is))
            }
            4 => {
                let word = random.word();
                let is = {
                    let word = word.clone();
                    move |_: &World, row: &BookRow| {
                        Some(row.publisher.as_ref().is_some_and(|name| *name > word))
                    }
                };
                (Book::PUBLISHER.is(Publisher::NAME.gt(word)), Rc::new(is))
            }
            _ => {
                let label = *random.one_of(&["red", "blue", "green"]);
                let of = |_: &World, row: &BookRow| row.tags.clone();
                let met = move |_: &World, tag: &String| tag == label;
                match random.below(3) {
                    0 => (Book::TAGS.some(Tag::LABEL.eq(label)), some(of, met)),
                    1 => (Book::TAGS.none(Tag::LABEL.eq(label)), none(of, met)),
                    _ => (Book::TAGS.every(Tag::LABEL.eq(label)), every(of, met)),
                }
            }
        };
    }
    match random.below(4) {
        0 => {
            let (low, high) = (random.small(), random.small());
            let between = move |_: &World, row: &BookRow| Some((low..=high).contains(&row.price));
            (Book::PRICE.between(low, high), Rc::new(between))
        }
        1 => text(random, Book::TITLE, |row: &BookRow| Some(row.title.clone())),
        2 => {
            let id = random.one_of(&world.authors).id;
            (Book::AUTHOR.ne(id), Rc::new(move |_: &World, row: &BookRow| Some(row.author != id)))
        }
        _ => {
            let is_set = |_: &World, row: &BookRow| Some(row.publisher.is_some());
            (Book::PUBLISHER.is_not_null(), Rc::new(is_set))
        }
    }
}

fn combined<T, R: 'static>(
    random: &mut Random,
    mut one: impl FnMut(&mut Random) -> Pair<T, R>,
) -> Pair<T, R> {
    let (first, meets) = one(random);
    if random.below(3) == 0 {
        return (first.not(), Rc::new(move |world: &World, row: &R| meets(world, row).map(|truth| !truth)));
    }
    let (second, also) = one(random);
    if random.below(2) == 0 {
        (first.and(second), Rc::new(move |world: &World, row: &R| and(meets(world, row), also(world, row))))
    } else {
        (first.or(second), Rc::new(move |world: &World, row: &R| or(meets(world, row), also(world, row))))
    }
}

fn number<T: orm_core::Entity, R: 'static>(
    random: &mut Random,
    field: orm_core::Field<T, Option<i32>>,
    of: fn(&R) -> Option<i32>,
) -> Pair<T, R> {
    let operand = random.age();
    let (condition, compare): (Condition<T>, Compare<i32>) = match random.below(6) {
        0 => (field.eq(operand), |a, b| a == b),
        1 => (field.ne(operand), |a, b| a != b),
        2 => (field.gt(operand), |a, b| a > b),
        3 => (field.gte(operand), |a, b| a >= b),
        4 => (field.lt(operand), |a, b| a < b),
        _ => (field.lte(operand), |a, b| a <= b),
    };
    (condition, Rc::new(move |_: &World, row: &R| of(row).map(|value| compare(&value, &operand))))
}

fn text<T, V, R>(
    random: &mut Random,
    field: orm_core::Field<T, V>,
    of: fn(&R) -> Option<String>,
) -> Pair<T, R>
where
    T: orm_core::Entity,
    V: orm_core::condition::TextField,
    R: 'static,
    String: orm_core::value::IntoOperand<V, On = orm_core::value::AnyEntity>,
{
    let operand = random.word();
    let (condition, compare): (Condition<T>, Compare<str>) = match random.below(5) {
        0 => (field.contains(&*operand), |a, b| a.contains(b)),
        1 => (field.starts_with(&*operand), |a, b| a.starts_with(b)),
        2 => (field.ends_with(&*operand), |a, b| a.ends_with(b)),
        3 => (field.eq(operand.clone()), |a, b| a == b),
        _ => (field.lt(operand.clone()), |a, b| a < b),
    };
    (condition, Rc::new(move |_: &World, row: &R| of(row).map(|value| compare(&value, &operand))))
}

fn some<R: 'static, I: 'static>(
    of: fn(&World, &R) -> Vec<I>,
    met: impl Fn(&World, &I) -> bool + 'static,
) -> Meaning<R> {
    Rc::new(move |world, row| Some(of(world, row).iter().any(|item| met(world, item))))
}

fn none<R: 'static, I: 'static>(
    of: fn(&World, &R) -> Vec<I>,
    met: impl Fn(&World, &I) -> bool + 'static,
) -> Meaning<R> {
    Rc::new(move |world, row| Some(!of(world, row).iter().any(|item| met(world, item))))
}

fn every<R: 'static, I: 'static>(
    of: fn(&World, &R) -> Vec<I>,
    met: impl Fn(&World, &I) -> bool + 'static,
) -> Meaning<R> {
    Rc::new(move |world, row| Some(of(world, row).iter().all(|item| met(world, item))))
}

fn and(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Truth, b: Truth) -> Truth {
    match (a, b) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

// ---- chance

/// The same numbers for the same seed (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap_or_default()
    }

    fn small(&mut self) -> i64 {
        i64::try_from(self.below(12)).unwrap_or_default()
    }

    fn age(&mut self) -> i32 {
        i32::try_from(self.below(12)).unwrap_or_default()
    }

    /// Zero to three letters, wildcards and escapes among them.
    fn word(&mut self) -> String {
        (0..self.below(4)).map(|_| *self.one_of(&['a', 'b', '%', '_', '\\', '\''])).collect()
    }

    fn one_of<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        let at = self.below(list.len());
        &list[at]
    }

    fn maybe<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        if self.below(3) == 0 { None } else { Some(value(self)) }
    }
}
