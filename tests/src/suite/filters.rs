//! Filters: conditions that every query meets without naming them. Never bypassed by what the identity map holds.

use orm_core::{Condition, EntityManager, Error, Filter, FilterContext, ForkOptions, Loaded, Orm, Result};

use crate::fixtures::newsroom::{self, Active, Article, Editor, LongerThan, Published, Publisher, Topic};
use crate::{Backend, TestDb};

fn titles<P: 'static>(articles: &[Loaded<Article, P>]) -> Vec<String> {
    let mut titles: Vec<String> = articles.iter().map(|article| article.get().title.clone()).collect();
    titles.sort_unstable();
    titles
}

async fn any_article(em: &EntityManager, title: &str) -> Result<Loaded<Article>> {
    em.find_one_or_fail(Article::TITLE.eq(title)).without_filters().await
}

// ---- finders

/// Finders and counts see what the filters show, by default or where it is chosen.
pub async fn finders_and_counts_meet_the_filters<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();

    assert_eq!(titles(&em.find_all::<Article>().await?), ["Egg", "Wall", "Watch"]);
    assert_eq!(em.count(Condition::<Article>::always()).await?, 3);
    assert_eq!(em.find_one(Article::TITLE.eq("Draft")).await?, None);
    let (page, count) = em.find_and_count(Article::WORDS.gt(60)).limit(1).await?;
    assert_eq!((page.len(), count), (1, 2));

    assert_eq!(em.find_all::<Article>().without_filter::<Published>().await?.len(), 4);
    assert_eq!(em.count(Condition::<Article>::always()).without_filters().await?, 4);
    Ok(())
}

/// A filter that is off by default is switched on by a query, with its parameters or with others.
pub async fn a_query_switches_filters_and_sets_parameters<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    let all = || em.find_all::<Article>();

    assert_eq!(titles(&all().with_filter(LongerThan(40)).await?), ["Egg", "Wall", "Watch"]);
    assert_eq!(titles(&all().enable_filter("longer_than")?.await?), ["Egg", "Watch"]);
    assert_eq!(titles(&all().without_filters().with_filter(LongerThan(0)).await?).len(), 4);
    assert_eq!(titles(&all().disable_filter("published")?.await?).len(), 4);
    Ok(())
}

/// A filter that no entity has is an error, with the closest name.
pub async fn an_unknown_filter_is_an_error<B: Backend>() -> Result<()> {
    struct Unheard;
    let em = newsroom::empty::<B>().await?.em();

    let error = em.find_all::<Article>().enable_filter("publishd").expect_err("no entity has it");
    assert!(matches!(&error, Error::UnknownFilter { suggestion: Some("published"), .. }), "{error}");
    let error = em.find_all::<Article>().without_filter::<Unheard>().await.expect_err("no entity has it");
    assert!(
        matches!(&error, Error::UnknownFilter { .. }) && error.to_string().contains("Unheard"),
        "{error}"
    );
    let error = em.enable_filter::<Unheard>().expect_err("no entity has it");
    assert!(matches!(&error, Error::UnknownFilter { .. }), "{error}");
    Ok(())
}

/// A fork can start without what its parent chose, and chooses for itself from then on.
pub async fn a_fork_can_start_with_the_filters_own_defaults<B: Backend>() -> Result<()> {
    let parent = newsroom::seeded::<B>().await?.em();
    parent.disable_filters()?;
    let inherits = parent.fork_with(ForkOptions::default());
    let fresh = parent.fork_with(ForkOptions::default().fresh_filters(true));

    assert_eq!(inherits.find_all::<Article>().await?.len(), 4);
    assert_eq!(fresh.find_all::<Article>().await?.len(), 3);
    fresh.disable_filter::<Published>()?;
    assert_eq!(fresh.find_all::<Article>().await?.len(), 4);
    assert_eq!(parent.find_all::<Article>().await?.len(), 4);
    Ok(())
}

/// A context switches filters and sets parameters for all its queries; a fork starts with its parent's choices.
pub async fn a_context_switches_filters_for_its_queries<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    em.set_filter_params(LongerThan(100))?;
    assert_eq!(titles(&em.find_all::<Article>().await?), ["Egg", "Watch"]);

    let fork = em.fork();
    fork.disable_filter::<LongerThan>()?;
    assert_eq!(fork.find_all::<Article>().await?.len(), 3);
    fork.disable_filters()?;
    assert_eq!(fork.find_all::<Article>().await?.len(), 4);
    fork.enable_filter::<LongerThan>()?;
    assert_eq!(fork.find_all::<Article>().await?.len(), 2, "with the parameters that were set");

    assert_eq!(em.find_all::<Article>().await?.len(), 2, "the parent's choices are its own");
    assert_eq!(
        em.find_all::<Article>().without_filter::<LongerThan>().await?.len(),
        3,
        "a query goes over them"
    );
    Ok(())
}

/// A result that stays out of the identity map is filtered as any other.
pub async fn results_without_identity_map_meet_the_filters<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    em.disable_filter::<Published>()?;
    em.set_filter_params(LongerThan(100))?;
    let found = em.find_all::<Article>().populate(Article::TOPICS).disable_identity_map().await?;
    assert_eq!(titles(&found), ["Egg", "Watch"]);
    assert!(found.iter().all(|article| article.topics().len() == 1));
    Ok(())
}

/// Two filters of one name could not be told apart.
pub async fn two_filters_of_one_name_are_refused<B: Backend>() -> Result<()> {
    struct Other;
    impl Filter<Editor> for Other {
        const NAME: &'static str = "published";

        fn condition(&self, _: &FilterContext<'_>) -> Result<Option<Condition<Editor>>> {
            Ok(None)
        }
    }
    let built =
        Orm::builder(B::connect().await?).entity::<Article>().filter::<Editor, _>(Other).build().await;
    let error = built.map(|_| ()).expect_err("the names clash");
    assert!(matches!(&error, Error::Metadata { problem } if problem.contains("`published`")), "{error}");

    let unknown = Orm::builder(B::connect().await?).entity::<Topic>().filter::<Publisher, _>(Active);
    let error = unknown.build().await.map(|_| ()).expect_err("Publisher is unknown");
    assert!(matches!(error, Error::UnknownEntity { entity: "Publisher" }), "{error}");
    Ok(())
}

// ---- the identity map

/// A loaded entity that a filter hides is not found by its key; where memory can tell, no statement is sent.
pub async fn finding_by_key_does_not_bypass_a_filter<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let draft = any_article(&em, "Draft").await?;
    let wall = any_article(&em, "Wall").await?;
    db.recorder.reset();

    assert_eq!(em.find_by_id::<Article>(draft.id()).await?, None);
    assert_eq!(em.find_by_id::<Article>(wall.id()).await?.as_ref(), Some(&wall));
    assert_eq!(db.statements(), 0);

    assert_eq!(
        em.find_by_id::<Article>(draft.id()).without_filter::<Published>().await?,
        Some(draft.clone())
    );
    assert_eq!(db.statements(), 0);
    draft.edit().published = true;
    em.flush().await?;
    assert_eq!(em.find_by_id::<Article>(draft.id()).await?, Some(draft));
    Ok(())
}

/// Where memory can't tell, such as for a condition through a relation, the database is asked.
pub async fn a_filter_that_memory_cannot_tell_asks_the_database<B: Backend>() -> Result<()> {
    struct OfCrow;
    impl Filter<Article> for OfCrow {
        const NAME: &'static str = "of_crow";

        fn condition(&self, _: &FilterContext<'_>) -> Result<Option<Condition<Article>>> {
            Ok(Some(Article::PUBLISHER.is(Publisher::NAME.eq("Crow"))))
        }
    }
    let seeded = newsroom::seeded::<B>().await?;
    let db = seeded.beside(|orm| orm.entity::<Article>().filter::<Article, _>(OfCrow)).await?;
    let em = db.em();
    let (wall, egg) = (any_article(&em, "Wall").await?, any_article(&em, "Egg").await?);
    db.recorder.reset();

    assert_eq!(em.find_by_id::<Article>(wall.id()).await?, Some(wall));
    assert_eq!(em.find_by_id::<Article>(egg.id()).await?, None);
    assert_eq!(db.recorder.selects(), 2);
    Ok(())
}

/// A reference does not bypass a filter, whether its target is loaded or not.
pub async fn loading_a_reference_does_not_bypass_a_filter<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    let draft = any_article(&em, "Draft").await?;
    let hidden = em.get_reference::<Article>(draft.id())?.load().await.expect_err("a filter hides it");
    assert!(matches!(hidden, Error::NotFound { entity: "Article", .. }), "{hidden}");

    let watch = any_article(&em, "Watch").await?;
    let hidden = watch.editor_ref().load().await.expect_err("a filter hides it");
    assert!(matches!(hidden, Error::NotFound { entity: "Editor", .. }), "{hidden}");
    let editors = em.find_all::<Editor>().without_filters().await?;
    assert_eq!(editors.len(), 2);
    let hidden = watch.editor_ref().load().await.expect_err("a filter hides it");
    assert!(matches!(hidden, Error::NotFound { entity: "Editor", .. }), "{hidden}");
    assert_eq!(any_article(&em, "Wall").await?.editor_ref().load().await?.get().name, "Ann");
    Ok(())
}

// ---- relations

/// A populated required reference has a target: what leads to a hidden one is not found, and not counted.
pub async fn a_required_reference_to_what_is_hidden_hides_its_owner<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let found = em.find_all::<Article>().populate(Article::PUBLISHER).await?;
    assert_eq!(titles(&found), ["Wall", "Watch"]);
    assert!(found.iter().all(|article| article.publisher().get().name == "Crow"));

    let (page, count) =
        em.find_and_count(Condition::<Article>::always()).populate(Article::PUBLISHER).limit(1).await?;
    assert_eq!((page.len(), count), (1, 2));
    let egg = any_article(&em, "Egg").await?;
    assert!(em.find_by_id::<Article>(egg.id()).await?.is_some());
    assert!(em.find_by_id::<Article>(egg.id()).populate(Article::PUBLISHER).await?.is_none());

    let all = em.find_all::<Article>().populate(Article::PUBLISHER).without_filter::<Active>().await?;
    assert_eq!(titles(&all), ["Egg", "Wall", "Watch"]);
    let error = em.populate(&egg, Article::PUBLISHER).await.expect_err("its target is hidden");
    assert!(matches!(&error, Error::HiddenByFilter { relation: "publisher", .. }), "{error}");
    Ok(())
}

/// Below a collection, too: an item that would lead to a hidden target is left out.
pub async fn a_required_reference_below_a_collection_hides_its_owner<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    let publishers = em
        .find_all::<Publisher>()
        .without_filter::<Active>()
        .populate(Publisher::ARTICLES.then(Article::PUBLISHER))
        .await?;
    assert_eq!(publishers.iter().map(|publisher| publisher.articles().len()).sum::<usize>(), 3);

    let fork = em.fork();
    fork.disable_filter::<Published>()?;
    let topics = fork.find_all::<Publisher>().populate(Publisher::ARTICLES.then(Article::EDITOR)).await?;
    assert_eq!(topics[0].articles().len(), 3);
    Ok(())
}

/// A populated optional reference to a hidden target reads as none, also where the target is loaded.
pub async fn an_optional_reference_to_what_is_hidden_reads_as_none<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    let of = |title: &'static str| em.find_one_or_fail(Article::TITLE.eq(title)).populate(Article::EDITOR);

    assert!(of("Watch").await?.editor().is_none());
    assert!(of("Wall").await?.editor().is_some());
    em.find_all::<Editor>().without_filters().await?;
    assert!(of("Watch").await?.editor().is_none(), "the identity map has Bob, and the filter hides him");
    let json = serde_json::to_value(&of("Watch").await?).map_err(Error::other)?;
    assert_eq!(json["editor"], serde_json::Value::Null);
    assert_eq!(
        of("Watch").without_filter::<Active>().await?.editor().expect("it is there").get().name,
        "Bob"
    );
    Ok(())
}

/// Populated and lazily loaded collections hold what the filters show; three-valued conditions as in SQL.
pub async fn collections_hold_what_is_shown<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let crow = em.find_one_or_fail(Publisher::NAME.eq("Crow")).await?;
    assert_eq!(titles(&crow.articles_ref().load().await?), ["Wall", "Watch"]);
    let articles = em.find_all::<Article>().populate(Article::TOPICS).await?;
    for article in &articles {
        assert_eq!(
            article.topics().iter().map(|topic| topic.get().name.clone()).collect::<Vec<_>>(),
            ["war"]
        );
    }

    db.recorder.reset();
    em.populate(&articles, Article::TOPICS).await?;
    crow.articles_ref().load().await?;
    assert_eq!(db.statements(), 0, "a list that was loaded under the same filters is not asked for again");
    Ok(())
}

/// A list that was loaded under other filters is loaded again; it is one list, with the content of the last load.
pub async fn a_list_of_other_filters_is_loaded_again<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();
    let query = || em.find_one_or_fail(Publisher::NAME.eq("Crow")).populate(Publisher::ARTICLES);

    assert_eq!(query().await?.articles().len(), 2);
    assert_eq!(query().without_filter::<Published>().await?.articles().len(), 3);
    assert_eq!(query().await?.articles().len(), 2);
    em.disable_filter::<Published>()?;
    assert_eq!(query().await?.articles().len(), 3);
    Ok(())
}

/// Conditions through relations see what is shown, with every quantifier.
pub async fn conditions_through_relations_meet_the_filters<B: Backend>() -> Result<()> {
    let em = newsroom::seeded::<B>().await?.em();

    let by_bob = Article::EDITOR.is(Editor::NAME.eq("Bob"));
    assert_eq!(em.count(by_bob.clone()).await?, 0);
    assert_eq!(em.count(by_bob).without_filter::<Active>().await?, 1);
    let cold = Article::TOPICS.some(Topic::NAME.eq("cold"));
    assert_eq!(em.count(cold.clone()).await?, 0);
    assert_eq!(em.count(cold).without_filters().await?, 4);
    assert_eq!(em.count(Article::TOPICS.none(Topic::NAME.eq("cold"))).await?, 3);
    // Hidden topics, the one of which nobody knows included, do not count against it.
    assert_eq!(em.count(Article::TOPICS.every(Topic::NAME.eq("war"))).await?, 3);
    assert_eq!(em.count(Article::TOPICS.every(Topic::NAME.eq("gold"))).await?, 0);
    assert_eq!(
        em.count(Publisher::ARTICLES.every(Article::WORDS.gt(10).and(Article::TITLE.ne("Draft")))).await?,
        1
    );
    Ok(())
}

// ---- writing a list that shows a part

/// The links of a list from which a filter hides items: the hidden ones stay, whatever is set.
pub async fn setting_a_partial_list_keeps_what_is_hidden<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Article::TITLE.eq("Wall")).populate(Article::TOPICS).await?;
    assert_eq!(wall.topics().len(), 1);
    wall.topics_ref().set(Vec::<Loaded<Topic>>::new())?;
    em.flush().await?;
    assert_eq!(topics_of(&db, "Wall").await?, ["cold", "gold"]);

    wall.topics_ref().set([Topic { name: "ice".into(), active: Some(true), ..Topic::default() }])?;
    em.flush().await?;
    assert_eq!(topics_of(&db, "Wall").await?, ["cold", "gold", "ice"]);
    Ok(())
}

/// A hidden item that the program names is taken out, or added once more without harm.
pub async fn a_hidden_item_can_be_taken_out_by_name<B: Backend>() -> Result<()> {
    let db = newsroom::seeded::<B>().await?;
    let em = db.em();
    let wall = em.find_one_or_fail(Article::TITLE.eq("Wall")).populate(Article::TOPICS).await?;
    let hidden =
        em.find(Topic::NAME.in_(["cold", "gold"])).order_by(Topic::NAME.asc()).without_filters().await?;

    wall.topics_ref().remove(&hidden[0])?;
    wall.topics_ref().add(&hidden[1])?;
    em.flush().await?;
    assert_eq!(topics_of(&db, "Wall").await?, ["gold", "war"]);

    // A removal that waits survives a load that does not show the item.
    let watch = em.find_one_or_fail(Article::TITLE.eq("Watch")).await?;
    watch.topics_ref().remove(&hidden[1])?;
    assert_eq!(watch.topics_ref().load().await?.len(), 1);
    em.flush().await?;
    assert_eq!(topics_of(&db, "Watch").await?, ["cold", "war"]);
    Ok(())
}

async fn topics_of(db: &TestDb, title: &str) -> Result<Vec<String>> {
    let em = db.em();
    em.disable_filters()?;
    let article = em.find_one_or_fail(Article::TITLE.eq(title)).populate(Article::TOPICS).await?;
    let mut names: Vec<String> = article.topics().iter().map(|topic| topic.get().name.clone()).collect();
    names.sort_unstable();
    Ok(names)
}
