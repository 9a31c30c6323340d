//! Texts that look like anything but text, written and read: each comes back as it was, and nothing else changes.

use orm_core::driver::DriverErrorKind;
use orm_core::{Condition, Error, Loaded, Ref, Result};

use crate::fixtures::lexicon::{self, Phrase, Word};
use crate::hostile::{self, Hostile};
use crate::{Backend, TestDb};

/// In every column, from an insert of a flush and from an update of one.
pub async fn flushed_texts_come_back<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let mut texts = hostile::texts();
    let em = db.em();
    let phrases: Vec<_> =
        texts.iter().map(|hostile| em.persist(Phrase::new(&hostile.text))).collect::<Result<_>>()?;
    em.flush().await?;
    come_back(&db, &texts).await?;

    texts.rotate_left(1);
    for (phrase, next) in phrases.iter().zip(&texts) {
        let Phrase { text, remark, details, .. } = Phrase::new(&next.text);
        let mut edit = phrase.edit();
        (edit.text, edit.remark, edit.details) = (text, remark, details);
    }
    em.flush().await?;
    come_back(&db, &texts).await?;
    canaries.are_unchanged::<B>(&db).await
}

/// In every column, from `insert_many`, `update_many` and `upsert_many`.
pub async fn texts_written_without_the_unit_of_work_come_back<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let mut texts = hostile::texts();
    let em = db.em();
    let ids = em.insert_many(texts.iter().map(|hostile| Phrase::new(&hostile.text))).await?;
    come_back(&db, &texts).await?;

    texts.rotate_left(1);
    for (id, next) in ids.iter().zip(&texts) {
        let Phrase { text, remark, details, .. } = Phrase::new(&next.text);
        let update = em.update_many(Phrase::ID.eq(id)).set(Phrase::TEXT, text).set(Phrase::DETAILS, details);
        assert_eq!(update.set(Phrase::REMARK, remark).await?, 1, "{next:?}");
    }
    come_back(&db, &texts).await?;

    texts.rotate_left(1);
    let rows = ids.iter().zip(&texts).map(|(id, next)| Phrase { id: *id, ..Phrase::new(&next.text) });
    em.upsert_many(rows).await?;
    come_back(&db, &texts).await?;
    canaries.are_unchanged::<B>(&db).await
}

/// What a statement computes of them for `update_many` is what Rust makes of them.
pub async fn computed_texts_are_written<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let texts = hostile::texts();
    let em = db.em();
    let ids = em.insert_many(texts.iter().map(|_| Phrase::new("~"))).await?;
    for (id, hostile) in ids.iter().zip(&texts) {
        let text = hostile.text.as_str();
        let update = em.update_many(Phrase::ID.eq(id)).set(Phrase::TEXT, Phrase::TEXT.concat(text));
        assert_eq!(update.set(Phrase::REMARK, Phrase::REMARK.coalesce(text)).await?, 1, "{hostile:?}");
    }
    let columns = (Phrase::TEXT, Phrase::REMARK, Phrase::TEXT.length());
    let rows = em.find_all::<Phrase>().select(columns).order_by(Phrase::ID.asc()).await?;
    for ((text, remark, length), hostile) in rows.into_iter().zip(&texts) {
        let expected = format!("~{}", hostile.text);
        assert_eq!(length, i64::try_from(expected.chars().count()).ok(), "{hostile:?}");
        assert!((text, remark) == (expected, Some("~".to_owned())), "{hostile:?}");
    }
    canaries.are_unchanged::<B>(&db).await
}

/// As keys: of rows, in references, in links, in the identity map; found, changed and deleted by them.
pub async fn keys_are_any_text<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let texts = hostile::short_texts();
    let em = db.em();
    let mut root: Option<Ref<Word>> = None;
    for hostile in &texts {
        let word = em.persist(Word { root: root.take(), ..Word::new(&hostile.text) })?.to_ref();
        root = Some(word.clone());
        em.persist(Phrase {
            word: Some(word.clone()),
            words: vec![word].into(),
            ..Phrase::new(&hostile.text)
        })?;
    }
    em.flush().await?;

    keys_find(&db, &texts).await?;
    let em = db.em();
    let keys = texts.iter().map(|hostile| hostile.text.as_str());
    assert_eq!(em.count(Word::TEXT.in_(keys.clone())).await?, texts.len() as u64);
    assert_eq!(em.count(Phrase::WORD.in_(keys.map(str::to_owned))).await?, texts.len() as u64);
    let phrases = em
        .find_all::<Phrase>()
        .populate((Phrase::WORD.then(Word::ROOT), Phrase::WORDS.then(Word::PHRASES)))
        .order_by(Phrase::ID.asc())
        .await?;
    for (at, (phrase, hostile)) in phrases.iter().zip(&texts).enumerate() {
        let word = phrase.word().expect("each has one");
        assert_eq!(word.id().as_str(), hostile.text, "{hostile:?}");
        let root = word.root().map(|root| root.get().text.clone());
        assert_eq!(root.as_ref(), at.checked_sub(1).map(|before| &texts[before].text), "{hostile:?}");
        let linked = phrase.words();
        assert!(linked[0] == word && linked[0].phrases()[0] == *phrase, "{hostile:?}");
        word.edit().meaning.push('!');
        phrase.words_ref().remove(&linked[0])?;
    }
    em.flush().await?;
    assert_eq!(em.count(Word::PHRASES.none(Condition::always())).await?, texts.len() as u64);
    let changed = em.update_many(Word::MEANING.eq(Word::TEXT.concat("!"))).set(Word::MEANING, Word::TEXT);
    assert_eq!(changed.await?, texts.len() as u64);

    let em = db.em();
    for hostile in &texts {
        em.remove(em.get_reference::<Word>(hostile.text.clone())?)?;
    }
    em.update_many(Phrase::WORD.is_not_null()).set_null(Phrase::WORD).await?;
    em.flush().await?;
    assert_eq!(em.count_all::<Word>().await?, 0);
    assert_eq!(em.count_all::<Phrase>().await?, texts.len() as u64);
    canaries.are_unchanged::<B>(&db).await
}

/// One row each, by its key, from the database and from memory.
async fn keys_find(db: &TestDb, texts: &[Hostile]) -> Result<()> {
    let em = db.em();
    for hostile in texts {
        let key = || hostile.text.clone();
        let word = em.find_by_id::<Word>(key()).await?;
        assert!(word.is_some_and(|word| word.get().meaning == hostile.text), "{hostile:?}");
        assert_eq!(em.count(Phrase::WORD.eq(key())).await?, 1, "{hostile:?}");
        let said = Word::PHRASES.some(Phrase::TEXT.eq(key()).and(Phrase::WORD.is(Word::MEANING.eq(key()))));
        let found = em.find(said).await?;
        assert_eq!(found.iter().map(Loaded::id).collect::<Vec<_>>(), [key()], "{hostile:?}");
    }
    db.recorder.reset();
    for hostile in texts {
        assert!(em.find_by_id::<Word>(hostile.text.clone()).await?.is_some(), "{hostile:?}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

/// A text that is taken, and one that refers to nothing, is a violation.
pub async fn a_taken_text_is_a_violation<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let texts = hostile::short_texts();
    let em = db.em();
    em.insert_many(texts.iter().map(|hostile| Word::new(&hostile.text))).await?;
    for hostile in &texts {
        let twice = em.insert(Word::new(&hostile.text)).await.expect_err("it is taken");
        assert!(twice.is_violation_of(Word::TEXT), "{hostile:?}: {twice:?}");
    }
    em.delete_many(Word::MEANING.is_not_null()).await?;
    for hostile in &texts {
        let word = Some(Ref::key(hostile.text.as_str()));
        let nowhere =
            em.insert(Phrase { word, ..Phrase::new("x") }).await.expect_err("there is no such word");
        assert!(nowhere.violation().is_some(), "{hostile:?}: {nowhere:?}");
    }
    assert_eq!(em.count_all::<Phrase>().await?, 0);
    canaries.are_unchanged::<B>(&db).await
}

/// NUL in a text comes back, or is refused as a value that the database can't hold; it is never cut off there.
pub async fn nul_comes_back_or_is_refused<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    for hostile in hostile::texts_with_nul() {
        let em = db.em();
        let text = hostile.text.as_str();
        let word = em.persist(Word::new(text))?;
        em.persist(Phrase {
            word: Some(word.to_ref()),
            words: vec![word.to_ref()].into(),
            ..Phrase::new(text)
        })?;
        match em.flush().await {
            Ok(()) => nul_is_kept(&db, &hostile).await?,
            Err(error) => nul_is_refused(&db, &hostile, &error).await?,
        }
    }
    canaries.are_unchanged::<B>(&db).await
}

async fn nul_is_kept(db: &TestDb, hostile: &Hostile) -> Result<()> {
    let (em, text) = (db.em(), hostile.text.as_str());
    let word = em.find_by_id_or_fail::<Word>(text).populate(Word::PHRASES.then(Phrase::WORD)).await?;
    let phrase = &word.phrases()[0];
    assert_eq!(phrase.get().remark.as_deref(), Some(text), "{hostile:?}");
    assert_eq!(phrase.get().details, Phrase::new(text).details, "{hostile:?}");
    assert!(phrase.word().is_some_and(|of| of.get().text == text), "{hostile:?}");

    let meant = Phrase::TEXT.eq(text).and(Phrase::REMARK.in_([text, "none"]));
    let literally =
        Phrase::TEXT.contains(text).and(Phrase::TEXT.starts_with(text)).and(Phrase::TEXT.ends_with(text));
    let computed = Phrase::REMARK.coalesce(text).concat(text).eq(text.repeat(2));
    let sql = Condition::<Phrase>::sql("{} = {}", (Phrase::TEXT, text));
    assert_eq!(em.count(meant.and(literally).and(computed).and(sql)).await?, 1, "{hostile:?}");
    let read: String = em.sql("select text from phrase where text = {}", (text,)).fetch_one_as().await?;
    assert_eq!(read, text);
    let page = em.find_all::<Phrase>().order_by(Phrase::TEXT.asc()).page(1).await?;
    let cursor = page.end_cursor.expect("there is an item");
    let next = em.find_all::<Phrase>().order_by(Phrase::TEXT.asc()).page(1).after(cursor)?.await?;
    assert!(next.items.first().is_none_or(|next| *next != page.items[0]));
    Ok(())
}

async fn nul_is_refused(db: &TestDb, hostile: &Hostile, error: &Error) -> Result<()> {
    let is_typed = |error: &Error| {
        matches!(error, Error::Value { .. }) || error.driver_kind() == Some(DriverErrorKind::Unsupported)
    };
    assert!(is_typed(error), "{hostile:?}: {error:?}");
    let (em, text) = (db.em(), hostile.text.as_str());
    assert_eq!((em.count_all::<Word>().await?, em.count_all::<Phrase>().await?), (0, 0));
    for condition in [
        Phrase::TEXT.eq(text),
        Phrase::TEXT.in_([text, "none"]),
        Phrase::TEXT.contains(text),
        Phrase::TEXT.concat(text).eq("x"),
        Condition::sql("{} = {}", (Phrase::TEXT, text)),
    ] {
        let refused = em.count(condition).await.expect_err("it can't be bound");
        assert!(is_typed(&refused), "{hostile:?}: {refused:?}");
    }
    Ok(())
}

/// Checks that phrases, by their keys, have these texts in every column.
async fn come_back(db: &TestDb, texts: &[Hostile]) -> Result<()> {
    let phrases = db.em().find_all::<Phrase>().order_by(Phrase::ID.asc()).await?;
    assert_eq!(phrases.len(), texts.len());
    for (phrase, hostile) in phrases.iter().zip(texts) {
        let (read, written) = (phrase.get(), Phrase::new(&hostile.text));
        assert!(read.text == written.text && read.remark == written.remark, "{hostile:?}");
        assert!(read.details == written.details, "{hostile:?}");
    }
    Ok(())
}
