//! Texts that look like anything but text, asked for: every condition means just that text, and nothing else changes.

use orm_core::condition::{Expr, count_rows};
use orm_core::{Condition, CursorProblem, Error, Filter, FilterContext, FilterDefault, Loaded, Result, sql};

use crate::fixtures::lexicon::{self, Phrase};
use crate::hostile::{self, Hostile};
use crate::{Backend, TestDb};

/// A phrase of each text, in order.
async fn phrases<B: Backend>(texts: &[Hostile]) -> Result<(TestDb, lexicon::Canaries)> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    db.em().insert_many(texts.iter().map(|hostile| Phrase::new(&hostile.text))).await?;
    db.recorder.reset();
    Ok((db, canaries))
}

/// What is equal, listed, computed or in a document is the one row with that text.
pub async fn conditions_mean_the_text<B: Backend>() -> Result<()> {
    let texts = hostile::texts();
    let (db, canaries) = phrases::<B>(&texts).await?;
    let em = db.em();
    for hostile in &texts {
        let text = hostile.text.as_str();
        let equal = Phrase::TEXT.eq(text).and(Phrase::REMARK.in_([text, "no such"]));
        let ranged =
            Phrase::TEXT.between(text, text).and(Phrase::REMARK.gte(text)).and(Phrase::TEXT.lte(text));
        let computed =
            Phrase::TEXT.concat(text).eq(text.repeat(2)).and(Phrase::REMARK.coalesce(text).eq(text));
        let listed =
            Phrase::TEXT.concat("").in_([text, "no such"]).and(Phrase::DETAILS.eq(Phrase::new(text).details));
        for condition in [equal, ranged, computed, listed] {
            let found = em.find(condition).select(Phrase::TEXT).await?;
            assert!(found == [text], "{hostile:?} finds {} rows", found.len());
        }
        let others = em.count(Phrase::TEXT.ne(text).and(Phrase::REMARK.not_in([text]))).await?;
        assert_eq!(others, texts.len() as u64 - 1, "{hostile:?}");
    }
    canaries.are_unchanged::<B>(&db).await
}

/// What is selected, ordered by and compared for groups takes them too.
pub async fn projections_take_any_text<B: Backend>() -> Result<()> {
    let texts = hostile::texts();
    let (db, canaries) = phrases::<B>(&texts).await?;
    let em = db.em();
    for hostile in &texts {
        let text = hostile.text.as_str();
        let groups = em
            .find_all::<Phrase>()
            .select((Phrase::TEXT, count_rows(), Phrase::REMARK.max()))
            .group_by(Phrase::TEXT)
            .having(Phrase::REMARK.max().eq(text).and(Phrase::TEXT.eq(text).into()));
        assert!(groups.await? == [(text.to_owned(), 1, Some(text.to_owned()))], "{hostile:?}");
        let first = em
            .find(Phrase::TEXT.eq(text))
            .select((
                Phrase::TEXT.concat(text),
                Expr::<Phrase, String>::sql("coalesce({}, {})", (Phrase::REMARK, text)),
            ))
            .order_by(Phrase::TEXT.concat(text).desc())
            .one_or_fail();
        assert!(first.await? == (text.repeat(2), text.to_owned()), "{hostile:?}");
    }
    canaries.are_unchanged::<B>(&db).await
}

/// Whether a row's text matches another one.
type Matches = fn(&str, &str) -> bool;

/// `contains`, `starts_with` and `ends_with` mean what they mean in Rust, whatever is a wildcard elsewhere.
pub async fn literal_matches_agree_with_rust<B: Backend>() -> Result<()> {
    let texts = hostile::texts();
    let (db, canaries) = phrases::<B>(&texts).await?;
    let em = db.em();
    let numbered: Vec<(i64, String)> =
        em.find_all::<Phrase>().select((Phrase::ID, Phrase::TEXT)).order_by(Phrase::ID.asc()).await?;
    for hostile in &texts {
        let text = hostile.text.as_str();
        let cases: [(_, Matches); 4] = [
            (Phrase::TEXT.contains(text), |row, text| row.contains(text)),
            (Phrase::REMARK.starts_with(text), |row, text| row.starts_with(text)),
            (Phrase::TEXT.ends_with(text), |row, text| row.ends_with(text)),
            (Phrase::TEXT.concat("").ends_with(text), |row, text| row.ends_with(text)),
        ];
        for (at, (condition, matches)) in cases.into_iter().enumerate() {
            let found = em.find(condition).select(Phrase::ID).order_by(Phrase::ID.asc()).await?;
            let expected: Vec<i64> =
                numbered.iter().filter(|(_, row)| matches(row, text)).map(|(id, _)| *id).collect();
            assert_eq!(found, expected, "{hostile:?}, match {at}");
        }
    }
    canaries.are_unchanged::<B>(&db).await
}

/// `like` and `ilike` take them as patterns: one without wildcards and backslashes finds its text and no other.
pub async fn patterns_are_never_syntax<B: Backend>() -> Result<()> {
    let texts = hostile::texts();
    let (db, canaries) = phrases::<B>(&texts).await?;
    let em = db.em();
    for hostile in hostile::short_texts() {
        let text = hostile.text.as_str();
        for pattern in
            [Phrase::TEXT.like(text), Phrase::REMARK.ilike(text), Phrase::TEXT.concat("").like(text)]
        {
            let found = em.find(pattern).select(Phrase::TEXT).await?;
            if !text.contains('\\') {
                assert!(found.iter().any(|found| found == text), "{hostile:?}");
            }
            if !text.contains(['\\', '%', '_']) {
                let same = |found: &String| folded(found) == folded(text);
                assert!(found.iter().all(same), "{hostile:?} finds {found:?}");
            }
        }
    }
    canaries.are_unchanged::<B>(&db).await
}

/// Without what a database may take for the same in a pattern: cases, and what is no character.
fn folded(text: &str) -> String {
    text.to_lowercase().replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// A cursor carries each of them there and back; one that is made of them is refused before anything is sent.
pub async fn cursors_carry_any_text<B: Backend>() -> Result<()> {
    let texts = hostile::texts();
    let (db, canaries) = phrases::<B>(&texts).await?;
    let em = db.em();
    let all = || em.find_all::<Phrase>().order_by((Phrase::REMARK.asc(), Phrase::TEXT.desc()));
    let expected: Vec<i64> = all().await?.iter().map(Loaded::id).collect();
    let mut forwards = Vec::new();
    let mut page = all().page(1).await?;
    loop {
        forwards.extend(page.items.iter().map(Loaded::id));
        let (true, Some(end)) = (page.has_next, page.end_cursor.as_deref()) else { break };
        page = all().page(1).after(end)?.await?;
    }
    assert_eq!(forwards, expected);
    let mut backwards: Vec<i64> = page.items.iter().map(Loaded::id).collect();
    while let Some(start) = page.start_cursor.filter(|_| backwards.len() < expected.len()) {
        page = all().page(7).before(start)?.await?;
        backwards.splice(0..0, page.items.iter().map(Loaded::id));
    }
    assert!(!page.has_previous);
    assert_eq!(backwards, expected);

    db.recorder.reset();
    for hostile in &texts {
        let error = all().page(1).after(&hostile.text).expect_err("it is no cursor");
        assert!(
            matches!(error, Error::Cursor { problem: CursorProblem::Damaged, .. }),
            "{hostile:?}: {error:?}"
        );
    }
    assert_eq!(db.statements(), 0);
    canaries.are_unchanged::<B>(&db).await
}

/// What raw SQL binds is never part of its text: in places, by `sql!`, in conditions and in expressions.
pub async fn raw_sql_binds_any_text<B: Backend>() -> Result<()> {
    let (db, canaries) = lexicon::empty::<B>().await?;
    let em = db.em();
    for hostile in hostile::texts() {
        let text = hostile.text.as_str();
        em.sql("insert into word (text, meaning) values ('word', {})", (text,)).execute().await?;
        let read: Vec<String> =
            em.sql("select meaning from word where meaning = {}", [text]).fetch_as().await?;
        assert!(read == [text], "{hostile:?}");
        let captured = sql!("select meaning from word where meaning = {text} and text in ({}, {text})");
        let read: String = em.sql(captured, ("word",)).fetch_one_as().await?;
        assert!(read == text, "{hostile:?}");
        let written =
            em.sql("update word set meaning = concat(meaning, {}) where meaning = {}", (text, text));
        assert_eq!(written.execute().await?, 1, "{hostile:?}");
        let condition =
            Condition::<lexicon::Word>::sql("{} = concat({}, {})", (lexicon::Word::MEANING, text, text));
        let shown =
            Expr::<lexicon::Word, String>::sql(sql!("coalesce({}, {text})"), (lexicon::Word::MEANING,));
        assert!(em.find(condition).select(shown.clone()).await? == [text.repeat(2)], "{hostile:?}");
        assert_eq!(em.delete_many(shown.eq(text.repeat(2))).await?, 1, "{hostile:?}");
    }
    canaries.are_unchanged::<B>(&db).await
}

/// What a request asks for: a value of its manager.
struct Wanted(String);

/// Shows what [`Wanted`] says, if anything.
struct OfRequest;

impl Filter<Phrase> for OfRequest {
    const NAME: &'static str = "of_request";

    fn condition(&self, context: &FilterContext<'_>) -> Result<Option<Condition<Phrase>>> {
        Ok(context.get::<Wanted>().map(|wanted| Phrase::TEXT.eq(&wanted.0)))
    }
}

/// Shows phrases with this in them.
struct Saying(String);

impl Filter<Phrase> for Saying {
    const NAME: &'static str = "saying";
    const DEFAULT: FilterDefault = FilterDefault::Off;

    fn condition(&self, _: &FilterContext<'_>) -> Result<Option<Condition<Phrase>>> {
        Ok(Some(Phrase::REMARK.starts_with(self.0.clone())))
    }
}

/// Values of a request and parameters of filters, in statements and where memory is asked.
pub async fn filters_take_any_text<B: Backend>() -> Result<()> {
    let texts = hostile::texts();
    let db = TestDb::open::<B>(|orm| {
        lexicon::entities(orm).filter::<Phrase, _>(OfRequest).filter::<Phrase, _>(Saying(String::new()))
    });
    let (db, canaries) = lexicon::guarded::<B>(db.await?).await?;
    db.em().insert_many(texts.iter().map(|hostile| Phrase::new(&hostile.text))).await?;
    let em = db.em();
    let all = em.find_all::<Phrase>().order_by(Phrase::ID.asc()).await?;
    for (at, hostile) in texts.iter().enumerate() {
        em.set(Wanted(hostile.text.clone()))?;
        let seen = em.find_all::<Phrase>().with_filter(Saying(hostile.text.clone())).await?;
        assert!(seen == [all[at].clone()], "{hostile:?}");
        db.recorder.reset();
        assert!(em.find_by_id::<Phrase>(all[at].id()).await? == Some(all[at].clone()), "{hostile:?}");
        assert_eq!(db.statements(), 0);
        // Whether two texts are equal, the database says.
        let other = all[(at + 1) % all.len()].id();
        assert_eq!(em.find_by_id::<Phrase>(other).await?, None, "{hostile:?}");
    }
    em.unset::<Wanted>()?;
    canaries.are_unchanged::<B>(&db).await
}
