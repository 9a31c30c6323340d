//! Contexts in a storage of the program's own: here a session, which has the user beside the manager.
//!
//! The global manager asks the storage at every call, and nothing else. What the storage has none for is guarded, as
//! without one.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use std::future::Future;
use std::sync::Arc;

use orm_core::ForkOptions;
use orm_core::prelude::*;
use orm_sqlx::Sqlite;

#[derive(Entity, Clone, Debug, Default)]
struct Note {
    #[entity(id, auto)]
    id: i64,
    author: String,
    text: String,
}

/// What the program keeps for each of its sessions.
#[derive(Clone)]
struct Session {
    user: Arc<str>,
    em: EntityManager,
}

tokio::task_local! {
    static SESSION: Session;
}

impl Session {
    /// A session with an identity map of its own.
    fn open(orm: &Orm, user: &str) -> Self {
        // A fork that follows contexts, so that a transaction of the session is found too.
        let em = orm.em().fork_with(ForkOptions::default().use_context(true));
        Self { user: user.into(), em }
    }

    fn current() -> Option<Self> {
        SESSION.try_with(Self::clone).ok()
    }

    async fn run<F: Future>(self, work: F) -> F::Output {
        SESSION.scope(self, work).await
    }
}

/// A service as it would be without sessions.
struct Notes {
    notes: Repository<Note>,
}

impl Notes {
    async fn write(&self, text: &str) -> Result<Loaded<Note>> {
        let session = Session::current().ok_or_else(|| Error::other("nobody is signed in"))?;
        let em = self.notes.em();
        em.transactional(async |em| {
            em.persist(Note { author: session.user.to_string(), text: text.to_owned(), ..Note::default() })?;
            Ok(())
        })
        .await?;
        self.notes.find_one_or_fail(Note::TEXT.eq(text)).await
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = Sqlite::options().memory().connect().await?;
    let orm = Orm::builder(database)
        .entity::<Note>()
        .context(|_name| Session::current().map(|session| session.em))
        .build()
        .await?;
    orm.schema().create().await?;
    let notes = Notes { notes: orm.em().get_repository() };

    let (arya, bran) = (Session::open(&orm, "arya"), Session::open(&orm, "bran"));
    let (one, other) = (arya.em.clone(), bran.em.clone());
    let (first, second) =
        tokio::join!(arya.run(notes.write("not today")), bran.run(notes.write("a raven came")));
    let (first, second) = (first?, second?);
    println!("{:?}\n{:?}", first.get(), second.get());
    assert!(one.contains(&first) && !one.contains(&second), "each is in the session that it was made in");
    assert!(other.contains(&second) && !other.contains(&first));

    match orm.em().find_all::<Note>().await {
        Err(error @ Error::GlobalContext { .. }) => println!("\nOutside: {error}"),
        _ => unreachable!("there is no session here"),
    }
    Ok(())
}
