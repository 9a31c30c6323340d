//! Entities that are views of the database, or what somebody else makes: read as any other, never written.

use std::time::Duration;

use futures::StreamExt as _;
use orm_core::{Condition, Error, Loaded, OrmBuilder, Ref, Result};

use crate::fixtures::contest::{self, Arena, Bet, Game, Leader, Player, Seat, Standing, Team, later};
use crate::fixtures::wrong::only_read;
use crate::{Backend, TestDb};

/// Conditions, orders, pages, streams and keys of one column, of a reference and of two.
pub async fn a_view_is_read_as_any_entity<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    let em = db.em();
    let standings = em.find_all::<Standing>().order_by(Standing::BEST.desc()).await?;
    let told: Vec<_> = standings.iter().map(|one| (one.get().best, one.get().players)).collect();
    assert_eq!(told, [(12, 2), (7, 1)]);
    let of_two = em.find_one_or_fail(Standing::PLAYERS.gt(1)).await?;
    assert!(of_two == standings[0], "one row is one instance");
    db.recorder.reset();
    let key = of_two.try_id().expect("it is known by its team");
    assert!(em.find_by_id_or_fail::<Standing>(key).await? == of_two);
    assert_eq!(db.statements(), 0, "it is loaded");

    let reds = em.find_one_or_fail(Team::NAME.eq("Reds")).await?;
    assert_eq!(*em.find_by_id_or_fail::<Leader>(reds.id()).await?.get(), Leader { id: key, best: 12 });
    let all = || em.find_all::<Seat>().order_by(Seat::HOLDER.desc());
    let page = all().page(2).await?;
    let holders: Vec<_> = page.items.iter().map(|seat| seat.get().holder.clone()).collect();
    assert_eq!(holders, ["Reds 1", "Reds 0"]);
    let rest = all().page(2).after(page.end_cursor.as_deref().unwrap_or_default())?.await?;
    assert_eq!(rest.items[0].get().holder, "Blues 0");
    assert_eq!(all().stream().chunk_size(2).count().await, 3);
    let seat: &Loaded<Seat> = &page.items[0];
    assert!(em.find_by_id_or_fail::<Seat>((key, seat.get().place)).await? == *seat);
    assert_eq!(em.count(Seat::HOLDER.like("Blues%")).await?, 1);
    Ok(())
}

/// From a view, to one, to a view of several rows, and what has a reference to one.
pub async fn relations_of_views_are_populated<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    let em = db.em();
    let reds = em.find_one_or_fail(Team::NAME.eq("Reds")).await?;
    em.persist(Bet { standing: Some(Ref::key(reds.id())), ..Bet::default() })?;
    em.flush().await?;
    em.clear()?;

    let path = (Team::STANDING.then(Standing::BETS), Team::SEATS);
    let teams = em.find_all::<Team>().order_by(Team::ID.asc()).populate(path).await?;
    let standing = teams[0].standing().expect("it has players");
    assert_eq!((standing.get().best, standing.bets().len()), (12, 1));
    assert_eq!(teams.iter().map(|team| team.seats().len()).collect::<Vec<_>>(), [2, 1]);

    em.clear()?;
    let standing =
        em.find_one_or_fail(Standing::TEAM.is(Team::NAME.eq("Blues"))).populate(Standing::TEAM).await?;
    assert_eq!(standing.team().get().name, "Blues");
    let bet = em.find_one_or_fail(Bet::STANDING.is(Standing::BEST.gt(10))).await?;
    assert_eq!(bet.standing_ref().load().await?.get().players, 2);
    assert_eq!(em.count(Team::SEATS.some(Seat::HOLDER.eq("Blues 0"))).await?, 1);
    Ok(())
}

/// A view comes after the tables and views that it reads, whatever comes first in the program, and goes before them.
pub async fn views_come_and_go_in_their_order<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    let schema = db.orm.schema();
    let script = schema.create_sql()?.replace(['"', '`'], "");
    let place = |name: &str| script.find(&format!("CREATE VIEW {name} "));
    assert!(place("standing").is_some() && place("standing") < place("leader"), "{script}");
    assert_eq!(script.matches("CREATE VIEW ").count(), 3);
    schema.drop().await?;
    schema.create().await?;
    assert_eq!(db.em().count_all::<Leader>().await?, 0);
    schema.drop().await?;
    schema.drop().await?;
    assert!(db.em().count_all::<Leader>().await.is_err());
    schema.update().await?;
    assert_eq!(db.em().count_all::<Leader>().await?, 0);
    Ok(())
}

/// A list of rows of a view can't be changed from its other side, and nothing of the attempt stays.
pub async fn lists_of_a_view_are_not_changed<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    let em = db.em();
    let path = (Team::SEATS, Team::STANDING);
    let teams = em.find_all::<Team>().order_by(Team::ID.asc()).populate(path).await?;
    let seat = teams[1].seats()[0].clone();
    let refused = [
        teams[0].seats_ref().add(&seat),
        teams[1].seats_ref().remove(&seat),
        teams[1].seats_ref().set([] as [Ref<Seat>; 0]),
        teams[0].standing_ref().set(Some(Ref::<Standing>::key(teams[1].id()))),
        em.persist(Team { seats: [&seat].into_iter().collect(), ..Team::default() }).map(drop),
    ];
    for error in refused {
        let error = error.expect_err("it is of a view");
        let Error::Relation { problem, .. } = &error else { panic!("{error:?}") };
        assert!(problem.contains("view"), "{error}");
    }
    assert_eq!((teams[0].seats().len(), teams[1].seats().len()), (2, 1));
    db.recorder.reset();
    em.flush().await?;
    assert_eq!(db.statements(), 0);

    // Links to a view are the owner's to write.
    let standing = em.find_one_or_fail(Standing::TEAM.eq(&teams[1])).await?;
    teams[0].rivals_ref().add(&standing)?;
    em.flush().await?;
    assert_eq!(em.count(Team::RIVALS.some(Standing::BEST.eq(7))).await?, 1);
    Ok(())
}

/// Inside a transaction a query of a view sees what is changed of any table, since nobody knows which it reads.
pub async fn a_query_of_a_view_flushes_what_it_may_read<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    db.em()
        .transactional(async |em| {
            let player = em.find_one_or_fail(Player::POINTS.eq(7)).await?;
            player.edit().points = 30;
            assert_eq!(em.count(Leader::BEST.eq(30)).await?, 1);
            player.edit().points = 31;
            assert_eq!(em.count(Team::STANDING.is(Standing::BEST.eq(31))).await?, 1);
            player.edit().points = 32;
            let team = em.find_one_or_fail(Team::NAME.eq("Blues")).populate(Team::STANDING).await?;
            assert_eq!(team.standing().map(|standing| standing.get().best), Some(32));
            Ok(())
        })
        .await
}

/// What is cached of a view is void once a table is written.
pub async fn a_cached_view_is_void_when_a_table_is_written<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    let best = async || {
        let cached = db.em().find_all::<Leader>().cache(Duration::from_secs(60)).await?;
        Ok::<_, Error>(cached.iter().map(|leader| leader.get().best).collect::<Vec<_>>())
    };
    assert_eq!(best().await?, [12]);
    db.recorder.reset();
    assert_eq!(best().await?, [12]);
    assert_eq!(db.statements(), 0, "it is cached");
    db.em().update_many(Player::POINTS.eq(12)).set(Player::POINTS, 20).await?;
    assert_eq!(best().await?, [20]);
    Ok(())
}

/// Views that are missing are made, others are replaced with what reads them, and what stands below them can change.
pub async fn an_update_replaces_views<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(contest::entities).await?;
    db.run(&["INSERT INTO team (name) VALUES ('Reds')"]).await?;
    db.run(&["INSERT INTO player (name, points, team_id) VALUES ('Kim', 10, 1), ('Sam', 12, 1)"]).await?;
    let now = db.beside(later::entities).await?;
    let diff = now.orm.schema().diff().await?;
    let views: Vec<&str> = diff
        .changes()
        .iter()
        .map(|change| change.description.as_str())
        .filter(|description| description.contains("view"))
        .collect();
    assert_eq!(views, ["change the view standing"], "{diff}");
    let done = now.orm.schema().update().allow_destructive().await?;
    assert_no_change(&now).await?;
    let em = now.em();
    let standing = em.find_by_id_or_fail::<later::Standing>(1_i64).await?.get();
    assert_eq!((standing.best, standing.fouls), (10, 1));
    assert_eq!(em.count_all::<later::Leader>().await?, 1);
    assert_eq!(em.count_all::<later::Seat>().await?, 2);

    // And back.
    let back: Vec<&str> = done.all().down.iter().map(String::as_str).collect();
    now.run(&back).await?;
    assert_no_change(&db).await?;
    assert_eq!(db.em().find_all::<Standing>().await?[0].get().best, 12);
    assert_eq!(db.em().count_all::<Seat>().await?, 2);

    db.run(&["DROP VIEW leader"]).await?;
    let missing = db.orm.schema().update().await?;
    assert_eq!(missing.to_string(), "create the view leader\n");
    assert_no_change(&db).await
}

async fn assert_no_change(db: &TestDb) -> Result<()> {
    let diff = db.orm.schema().diff().await?;
    assert!(diff.is_empty() && diff.all_statements().is_empty(), "{diff}");
    Ok(())
}

/// Views that no entity knows stay as they are, and are dropped where that is asked for alone.
pub async fn views_of_others_are_left_alone<B: Backend>() -> Result<()> {
    let db = contest::played::<B>().await?;
    db.run(&["CREATE VIEW stranger AS SELECT name FROM team"]).await?;
    assert_no_change(&db).await?;
    db.orm.schema().update().allow_destructive().await?;
    db.run(&["SELECT name FROM stranger"]).await?;
    let diff = db.orm.schema().update().allow_destructive().drop_unknown().await?;
    assert_eq!(diff.to_string(), "drop the view stranger (destructive: no entity knows it)\n");
    assert!(db.run(&["SELECT name FROM stranger"]).await.is_err());
    assert_no_change(&db).await
}

/// A table is not dropped for a view of its name.
pub async fn a_view_takes_the_place_of_no_table<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(contest::entities).await?;
    db.run(&["CREATE TABLE leader (id int)"]).await?;
    let error = db.orm.schema().update().allow_destructive().await.expect_err("it is a table");
    assert!(says(&error, "leader is a table in the database"), "{error:?}");
    db.run(&["INSERT INTO leader (id) VALUES (1)"]).await
}

/// What somebody else makes is read and referred to, and the schema does not touch it.
pub async fn what_is_read_only_is_somebody_elses<B: Backend>() -> Result<()> {
    let db = TestDb::open_without_tables::<B>(contest::arenas).await?;
    let schema = db.orm.schema();
    assert!(!schema.create_sql()?.contains("arena\""), "no table and no foreign key");
    schema.create().await?;
    db.run(&["CREATE VIEW arena AS SELECT 5 AS id, 'Dome' AS name, 'more' AS other"]).await?;
    assert_no_change(&db).await?;

    let em = db.em();
    let dome = em.find_one_or_fail(Arena::NAME.eq("Dome")).populate(Arena::GAMES).await?;
    let game = em.persist(Game { arena: Some(dome.to_ref()), ..Game::default() })?;
    em.flush().await?;
    dome.games_ref().add(Game::default())?;
    em.flush().await?;
    assert_eq!(
        (dome.games().len(), game.get().arena.as_ref().and_then(|arena| arena.try_key().copied())),
        (2, Some(5))
    );
    em.clear()?;
    let games = em.find(Game::ARENA.is(Arena::NAME.eq("Dome"))).populate(Game::ARENA).await?;
    assert_eq!(games.len(), 2);
    assert!(games.iter().all(|game| game.arena().is_some_and(|arena| arena.get().name == "Dome")));

    schema.update().allow_destructive().drop_unknown().await?;
    schema.drop().await?;
    assert_eq!(db.em().count(Condition::<Arena>::always()).await?, 1);
    Ok(())
}

/// A foreign key to somebody else's table that is there stays there.
pub async fn a_foreign_key_to_what_is_read_only_stays<B: Backend>() -> Result<()> {
    let theirs = TestDb::open::<B>(contest::theirs::entities).await?;
    let db = theirs.beside(contest::arenas).await?;
    assert_no_change(&db).await?;
    db.orm.schema().update().allow_destructive().await?;
    let stray = theirs.em().insert(contest::theirs::Game { arena: Some(Ref::key(7)), ..Default::default() });
    assert!(stray.await.is_err_and(|error| error.violation().is_some()), "no such arena");
    Ok(())
}

/// What would write to a view, or is none, is refused by name.
pub async fn what_is_no_view_is_refused<B: Backend>() -> Result<()> {
    let refused = [
        (TestDb::open::<B>(OrmBuilder::entity::<only_read::Owner>).await, "Owner.sums: Sum is only read"),
        (
            TestDb::open::<B>(OrmBuilder::entity::<only_read::Note>).await,
            "Note.stranger: Stranger is only read",
        ),
        (
            TestDb::open::<B>(OrmBuilder::entity::<only_read::Nothing>).await,
            "Nothing: the select of its view is empty",
        ),
    ];
    for (opened, words) in refused {
        let error = opened.expect_err("it does not fit");
        assert!(matches!(error, Error::Metadata { .. }) && error.to_string().starts_with(words), "{error}");
    }
    let error = TestDb::open::<B>(OrmBuilder::entity::<only_read::Purge>).await.expect_err("it deletes");
    assert!(says(&error, "the view purge is no select"), "{error:?}");
    let error =
        TestDb::open::<B>(OrmBuilder::entity::<only_read::Two>).await.expect_err("it is two statements");
    assert!(says(&error, "the view two can't be made of its select"), "{error:?}");
    Ok(())
}

fn says(error: &Error, words: &str) -> bool {
    std::error::Error::source(error).is_some_and(|cause| cause.to_string().contains(words))
}
