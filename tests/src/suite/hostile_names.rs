//! Texts that look like anything but text, as names: of tables and columns, of relations, of filters.

use std::error::Error as _;

use orm_core::driver::DriverErrorKind;
use orm_core::{Condition, Error, NamingStrategy, Result};

use crate::fixtures::lexicon::{self, Phrase, Word};
use crate::hostile;
use crate::{Backend, TestDb};

/// A strategy that has a text in the name of everything.
#[derive(Debug)]
struct Marked(String);

impl NamingStrategy for Marked {
    fn table(&self, entity: &str) -> String {
        match entity {
            // The guarded table keeps its name, since it is watched under it.
            "Canary" => "canary".to_owned(),
            _ => format!("{}{}", self.0, &entity[..1]),
        }
    }

    fn column(&self, field: &str) -> String {
        format!("{}{}", &field[..1], self.0)
    }
}

/// How many bytes of a text stand in a name, so that no database cuts it.
const LONGEST: usize = 40;

/// Tables and columns with such names are created, written, asked for and dropped, or refused when the ORM is built.
pub async fn names_are_any_text<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let (mut used, mut refused) = (0, 0);
    // Every payload once: those that stand alone.
    let texts = hostile::texts().into_iter().step_by(2).filter(|hostile| hostile.text.len() <= LONGEST);
    for hostile in texts {
        let strategy = Marked(hostile.text.clone());
        match db.beside(|orm| orm.entity::<Phrase>().naming_strategy(strategy)).await {
            Ok(named) => {
                let worked = works(&named).await;
                if worked.as_ref().is_err_and(is_refused) {
                    refused += 1;
                    continue;
                }
                worked.map_err(|error| Error::other(format!("{hostile:?}: {error:?}")))?;
            }
            Err(error) => {
                assert!(matches!(error, Error::Metadata { .. }), "{hostile:?}: {error:?}");
                refused += 1;
                continue;
            }
        }
        used += 1;
        canaries.are_unchanged::<B>(&db).await?;
    }
    assert!(used > 200 && refused > 0, "{used} used, {refused} refused");
    Ok(())
}

/// Whether the database takes no name that ends with a space, or that has a rare character, and said so before it made
/// anything.
fn is_refused(error: &Error) -> bool {
    let problems = ["ends with a space", "has a character that this database does not take"];
    error.driver_kind() == Some(DriverErrorKind::Unsupported)
        && error
            .source()
            .map(ToString::to_string)
            .is_some_and(|cause| problems.iter().any(|problem| cause.contains(problem)))
}

/// A database of its own names does everything once.
async fn works(db: &TestDb) -> Result<()> {
    db.orm.schema().create().await?;
    let em = db.em();
    let word = em.persist(Word::new("word"))?;
    let phrase =
        Phrase { word: Some(word.to_ref()), words: vec![word.to_ref()].into(), ..Phrase::new("text") };
    let phrase = em.persist(phrase)?;
    em.flush().await?;
    phrase.edit().text = "other".to_owned();
    em.flush().await?;
    em.upsert(Word { meaning: "changed".into(), ..Word::new("word") }).await?;
    assert_eq!(
        em.update_many(Phrase::TEXT.eq("other")).set(Phrase::REMARK, Phrase::TEXT.concat("!")).await?,
        1
    );

    let em = db.em();
    let said = Word::PHRASES.some(Phrase::REMARK.eq("other!")).and(Word::MEANING.eq("changed"));
    let words =
        em.find(said).populate(Word::PHRASES.then(Phrase::WORD)).order_by(Word::MEANING.asc()).await?;
    assert_eq!(words[0].phrases()[0].word().map(|word| word.id()).as_deref(), Some("word"));
    let rows = em
        .find(Phrase::WORDS.some(Condition::always()))
        .select((Phrase::TEXT, Phrase::WORD.field(Word::MEANING)));
    assert_eq!(rows.await?, [("other".to_owned(), Some("changed".to_owned()))]);
    let twice = em.insert(Word::new("word")).await.expect_err("it is taken");
    assert!(twice.is_violation_of(Word::TEXT), "{twice:?}");
    em.remove(&words[0].phrases()[0])?;
    em.flush().await?;
    assert_eq!(em.count_all::<Phrase>().await?, 0);
    db.orm.schema().drop().await
}

/// A path of relations or the name of a filter that is none is refused before anything is sent.
pub async fn names_that_are_looked_up_are_refused<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let em = db.em();
    for hostile in hostile::texts().into_iter().chain(hostile::texts_with_nul()) {
        let text = hostile.text.as_str();
        for path in [text.to_owned(), format!("words.{text}"), format!("{text}.words")] {
            let error = em.find_all::<Phrase>().populate_path(&path).expect_err("there is no such path");
            assert!(matches!(error, Error::UnknownPath { .. }), "{hostile:?}: {error:?}");
        }
        let error = em.find_all::<Phrase>().enable_filter(text).expect_err("there is no such filter");
        assert!(matches!(error, Error::UnknownFilter { .. }), "{hostile:?}: {error:?}");
        let error = em.find_all::<Phrase>().disable_filter(text).expect_err("there is no such filter");
        assert!(matches!(error, Error::UnknownFilter { .. }), "{hostile:?}: {error:?}");
    }
    assert_eq!(db.statements(), 0);
    canaries.are_unchanged::<B>(&db).await
}
