//! Values of related rows that filters hide: they are not there, wherever a query reads, orders or compares them.

use orm_core::{Entity, Error, Ref, Result, View};

use crate::fixtures::archive::{Binder, Letter};
use crate::fixtures::newsroom::{self, Article, Editor, Publisher};
use crate::{Backend, TestDb};

#[derive(View, Debug, PartialEq)]
#[view(of = Editor)]
struct Person {
    name: String,
}

#[derive(View, Debug, PartialEq)]
#[view(of = Publisher)]
struct House {
    name: String,
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// `Watch` has an editor whom a filter hides, `Egg` such a publisher: the one is optional, the other required.
pub async fn fields_of_hidden_rows_are_not_selected<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let editors = || {
        let find = em.find_all::<Article>().select((Article::TITLE, Article::EDITOR.field(Editor::NAME)));
        find.order_by(Article::TITLE.asc())
    };
    let rows = [("Egg".into(), some("Ann")), ("Wall".into(), some("Ann")), ("Watch".into(), None)];
    assert_eq!(editors().await?, rows);
    assert_eq!(editors().count().await?, 3);
    let computed = Article::EDITOR.field(Editor::NAME.concat("!"));
    let computed = em.find(Article::TITLE.eq("Watch")).select(computed).one_or_fail().await?;
    assert_eq!(computed, None);

    let publishers = || em.find_all::<Article>().select(Article::PUBLISHER.field(Publisher::NAME));
    assert_eq!(publishers().await?, [some("Crow"), some("Crow")], "as where it is populated");
    assert_eq!(publishers().count().await?, 2);
    let names = publishers().without_filters().order_by(Article::TITLE.asc()).await?;
    assert_eq!(names, [some("Crow"), some("Dragon"), some("Crow"), some("Crow")]);
    Ok(())
}

/// A view is without a hidden row where it may be, and not there at all where it must not.
pub async fn views_do_without_hidden_rows<B: Backend>() -> Result<()> {
    #[derive(View, Debug, PartialEq)]
    #[view(of = Article)]
    struct Piece {
        title: String,
        #[view(nested)]
        editor: Option<Person>,
        #[view(nested)]
        publisher: House,
    }
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let pieces = em.find_all::<Article>().view::<Piece>().order_by(Article::TITLE.asc()).await?;
    let house = || House { name: "Crow".into() };
    let ann = Some(Person { name: "Ann".into() });
    assert_eq!(
        pieces,
        [
            Piece { title: "Wall".into(), editor: ann, publisher: house() },
            Piece { title: "Watch".into(), editor: None, publisher: house() },
        ]
    );
    let populated = em.find_all::<Article>().populate((Article::EDITOR, Article::PUBLISHER)).await?;
    assert_eq!(populated.len(), pieces.len());
    Ok(())
}

/// An order tells nothing of a hidden row, and hides nothing.
pub async fn an_order_tells_nothing_of_hidden_rows<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let titles = |order| {
        let find = em.find_all::<Article>().order_by((order, Article::TITLE.asc()));
        async move { Ok::<_, Error>(find.await?.iter().map(|one| one.get().title.clone()).collect::<Vec<_>>()) }
    };
    let by_editor = Article::EDITOR.order(Editor::NAME.asc().nulls_first());
    assert_eq!(titles(by_editor.clone()).await?, ["Watch", "Egg", "Wall"]);
    let by_publisher = Article::PUBLISHER.order(Publisher::NAME.desc().nulls_last());
    assert_eq!(titles(by_publisher).await?, ["Wall", "Watch", "Egg"]);
    let ordered = em.find_all::<Article>().select(Article::TITLE).order_by((by_editor, Article::TITLE.asc()));
    assert_eq!(ordered.await?, ["Watch", "Egg", "Wall"]);
    Ok(())
}

/// A condition on a hidden row's value is unknown, as one on NULL, in writes too.
pub async fn conditions_know_nothing_of_hidden_rows<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let name = || Article::EDITOR.field(Editor::NAME);
    assert_eq!(em.count(name().eq("Bob")).await?, 0);
    assert_eq!(em.count(name().ne("Ann")).await?, 0);
    assert_eq!(em.count(name().eq("Bob").not()).await?, 2);
    assert_eq!(em.count(name().like("B%").or(name().in_(["Bob"]))).await?, 0);
    assert_eq!(em.count(name().is_null()).await?, 1);
    assert_eq!(em.count(Publisher::ARTICLES.some(name().eq("Bob"))).await?, 0);
    assert_eq!(em.find(name().eq("Bob")).without_filters().await?.len(), 1);
    assert_eq!(em.update_many(name().eq("Bob")).set(Article::WORDS, 1).await?, 0);
    Ok(())
}

/// Rows whose related row is hidden are one group, with those that have none.
pub async fn hidden_rows_are_no_groups<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let name = || Article::EDITOR.field(Editor::NAME);
    let groups = em.find_all::<Article>().select((name(), Article::ID.count())).group_by(name());
    let mut groups = groups.await?;
    groups.sort();
    assert_eq!(groups, [(None, 1), (some("Ann"), 2)]);
    let known = em.find_all::<Article>().select((name().count(), name().max())).one_or_fail().await?;
    assert_eq!(known, (2, some("Ann")));
    let above = em.find_all::<Article>().select((name(), Article::ID.count())).group_by(name());
    assert_eq!(above.having(name().eq("Bob")).await?, []);
    Ok(())
}

/// What an optional row requires hides it, if that is hidden.
pub async fn what_requires_a_hidden_row_is_hidden<B: Backend>() -> Result<()> {
    #[derive(Entity, Clone, Debug, Default)]
    struct Note {
        #[entity(id, auto)]
        id: i64,
        text: String,
        letter: Option<Ref<Letter>>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Note)]
    struct Memo {
        text: String,
        #[view(nested)]
        letter: Option<Mail>,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Letter)]
    struct Mail {
        number: i64,
        #[view(nested)]
        binder: Cover,
    }
    #[derive(View, Debug, PartialEq)]
    #[view(of = Binder)]
    struct Cover {
        name: String,
    }
    let db = TestDb::open::<B>(|orm| orm.entity::<Note>()).await?;
    let em = db.em();
    for (name, text, number) in [("a", "kept", 7), ("b", "gone", 8)] {
        let binder = em.persist(Binder { name: name.into(), ..Binder::default() })?;
        let letter = em.persist(Letter { number, binder: binder.to_ref(), ..Letter::default() })?;
        em.persist(Note { text: text.into(), letter: Some(letter.to_ref()), ..Note::default() })?;
    }
    em.flush().await?;
    em.delete_many(Binder::NAME.eq("b")).await?;

    let em = db.em();
    let memos = em.find_all::<Note>().view::<Memo>().order_by(Note::ID.asc()).await?;
    let mail = Mail { number: 7, binder: Cover { name: "a".into() } };
    assert_eq!(
        memos,
        [Memo { text: "kept".into(), letter: Some(mail) }, Memo { text: "gone".into(), letter: None }]
    );
    let populated = em.find_all::<Note>().populate(Note::LETTER.then(Letter::BINDER)).await?;
    let is_there: Vec<bool> = populated.iter().map(|note| note.letter().is_some()).collect();
    assert_eq!(is_there, [true, false], "as where it is populated");
    let numbers = em.find_all::<Note>().select(Note::LETTER.field(Letter::NUMBER)).order_by(Note::ID.asc());
    assert_eq!(numbers.await?, [Some(7), Some(8)], "the letter itself is shown");
    let deleted = em.find_all::<Note>().with_deleted().view::<Memo>().await?;
    assert!(deleted.iter().all(|memo| memo.letter.is_some()));
    Ok(())
}
