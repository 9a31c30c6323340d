//! Jobs outside HTTP, where no middleware makes a context: a command, a queue with workers and a loop that looks at the
//! clock, each with a context of its own by attribute.
//!
//! The outbox below is one service for all three. It is made once, knows nothing of contexts, and passes no manager on.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use std::sync::Arc;
use std::time::Duration;

use orm_core::prelude::*;
use orm_core::{spawn_in_context, transactional};
use orm_sqlx::Sqlite;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

#[derive(Entity, Clone, Debug, Default)]
struct Mail {
    #[entity(id, auto)]
    id: i64,
    recipient: String,
    tries: i32,
    sent: bool,
}

#[derive(Entity, Clone, Debug, Default)]
struct Receipt {
    #[entity(id, auto)]
    id: i64,
    #[entity(unique)]
    mail: Ref<Mail>,
}

struct Outbox {
    orm: Orm,
    mails: Repository<Mail>,
}

/// Says where the attributes find a manager.
impl ContextSource for Outbox {
    fn context_manager(&self) -> EntityManager {
        self.orm.em().clone()
    }
}

impl Outbox {
    /// A command: one unit of work in one context, all of it or nothing.
    #[create_request_context]
    #[transactional]
    async fn write(&self, recipients: &[&str]) -> Result<()> {
        for recipient in recipients {
            self.orm.em().persist(Mail { recipient: (*recipient).to_owned(), ..Mail::default() })?;
        }
        Ok(())
    }

    /// One message of the queue. Each has its own context, so that two workers never share an instance; a failure takes the
    /// mail and its receipt back together. Says whether there was anything to do: the loop may have sent it twice.
    #[create_request_context]
    #[transactional]
    async fn deliver(&self, id: i64) -> Result<bool> {
        let em = self.orm.em();
        let mail = self.mails.find_by_id_or_fail(id).await?;
        if mail.get().sent {
            return Ok(false);
        }
        mail.edit().sent = true;
        em.persist(Receipt { mail: (&mail).into(), ..Receipt::default() })?;
        // As if the mail server refused the first try.
        if mail.get().tries == 0 && mail.get().recipient.starts_with("busy") {
            return Err(Error::other("try again later"));
        }
        Ok(true)
    }

    /// What is noted of a failure is not taken back with it: a context and a unit of work of its own.
    #[create_request_context]
    async fn note_failure(&self, id: i64) -> Result<()> {
        self.mails.find_by_id_or_fail(id).await?.edit().tries += 1;
        self.orm.em().flush().await
    }

    /// Goes on in the context of its caller, and has one of its own where it is called by itself.
    #[ensure_request_context]
    async fn unsent(&self) -> Result<Vec<i64>> {
        let unsent = self.mails.find(Mail::SENT.eq(false)).order_by(Mail::ID.asc()).await?;
        Ok(unsent.iter().map(|mail| mail.get().id).collect())
    }

    /// What the loop does each time.
    #[create_request_context]
    async fn tick(&self, queue: &mpsc::Sender<i64>) -> Result<usize> {
        let unsent = self.unsent().await?;
        for id in &unsent {
            queue.send(*id).await.map_err(Error::other)?;
        }
        // Beside it, on a fork: what it loads is not in this identity map.
        let mails = self.mails.clone();
        let sent = spawn_in_context(async move { mails.count(Mail::SENT.eq(true)).await });
        println!("  {} unsent, {} sent before", unsent.len(), sent.await.map_err(Error::other)??);
        Ok(unsent.len())
    }
}

/// Takes messages until the queue is closed.
async fn work(worker: usize, outbox: Arc<Outbox>, queue: Arc<Mutex<mpsc::Receiver<i64>>>) -> Result<usize> {
    let mut delivered = 0;
    loop {
        let Some(id) = queue.lock().await.recv().await else { return Ok(delivered) };
        match outbox.deliver(id).await {
            Ok(is_new) => delivered += usize::from(is_new),
            Err(error) => {
                println!("  worker {worker}: mail {id}: {error}");
                outbox.note_failure(id).await?;
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let database = Sqlite::options().memory().connect().await?;
    let orm = Orm::builder(database).entity::<Receipt>().build().await?;
    orm.schema().create().await?;
    let outbox = Arc::new(Outbox { mails: orm.em().get_repository(), orm: orm.clone() });

    println!("A command writes four mails:");
    outbox.write(&["arya", "busy", "sansa", "bran"]).await?;
    println!("  {:?} are unsent", outbox.unsent().await?);

    println!("\nThree workers, and a loop that looks every now and then until nothing is left:");
    let (sender, receiver) = mpsc::channel(8);
    let queue = Arc::new(Mutex::new(receiver));
    let mut workers = JoinSet::new();
    for worker in 1..=3 {
        workers.spawn(work(worker, Arc::clone(&outbox), Arc::clone(&queue)));
    }
    let mut clock = tokio::time::interval(Duration::from_millis(100));
    loop {
        clock.tick().await;
        if outbox.tick(&sender).await? == 0 {
            break;
        }
    }
    drop(sender);
    let mut delivered = 0;
    while let Some(worker) = workers.join_next().await {
        delivered += worker.map_err(Error::other)??;
    }

    let em = orm.em().fork();
    let receipts = em.count_all::<Receipt>().await?;
    println!("\n{delivered} delivered, {receipts} receipts");
    Ok(())
}
