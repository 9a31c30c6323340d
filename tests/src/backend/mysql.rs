//! MariaDB and MySQL: a database for each test, dropped in the background once the test is over.
//!
//! Their tables are files, which take a while to go.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, LazyLock};

use orm_core::driver::Driver;
use orm_core::sql::Sql;
use orm_core::{Error, Orm, Result};
use orm_sqlx::{MySql, MySqlOptions};
use parking_lot::Mutex;
use tokio::sync::OnceCell;

use super::{ByProxy, Owning, SharedDriver};
use crate::databases::Database;
use crate::plain::begin_left_open;
use crate::proxy::Proxy;

/// A driver on a database of its own.
pub(super) type OnServer = Owning<MySql, OwnDatabase>;

/// Dropped on the server when the test is over.
#[derive(Debug)]
pub(super) struct OwnDatabase {
    server: String,
    name: String,
}

/// A driver on a database of its own.
pub(super) async fn connect(family: Database, connections: u32) -> Result<OnServer> {
    let owned = make_database(family).await?;
    let driver = options(family).url(owned.url()).max_connections(connections).connect().await?;
    Ok(Owning { driver, _owned: owned })
}

/// A database of its own, and the way to it that can be cut.
pub(super) async fn connect_by_proxy(family: Database) -> Result<ByProxy> {
    let owned = make_database(family).await?;
    let url = owned.url();
    let (user, rest) = url.rsplit_once('@').unwrap_or(("mysql://root", &url));
    let rest = rest.rsplit("://").next().unwrap_or(rest);
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = if server.contains(':') { server.to_owned() } else { format!("{server}:3306") };
    let proxy = Proxy::before(server).await.map_err(Error::other)?;
    let through = format!("{user}@{}/{path}", proxy.address());
    let driver = options(family).url(url).connect().await?;
    Ok(ByProxy {
        past: SharedDriver(Arc::new(Owning { driver, _owned: owned })),
        proxy,
        connect: Box::new(move |connections| {
            let options = options(family).url(&through).max_connections(connections);
            Box::pin(async { Ok(SharedDriver(Arc::new(options.connect().await?))) })
        }),
    })
}

/// See [`begin_left_open`].
pub(super) async fn plain_begin_left_open(
    family: Database,
    refused_inside: &'static str,
) -> Result<Option<usize>> {
    let owned = make_database(family).await?;
    begin_left_open::<sqlx_mysql::MySql>(&owned.url(), refused_inside).await
}

async fn make_database(family: Database) -> Result<OwnDatabase> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var(family.variable().unwrap_or_default()).map_err(Error::other)?;
    prepare(family, &server).await?;
    let name = format!("orm_test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let maker = MySql::options().url(&server).max_connections(1).connect().await?;
    run(&maker, &format!("CREATE DATABASE {name}")).await?;
    maker.close().await;
    Ok(OwnDatabase { server, name })
}

impl OwnDatabase {
    /// The server's URL, with this database.
    fn url(&self) -> String {
        let (start, path) = self.server.split_at(self.server.find("://").map_or(0, |at| at + 3));
        let (path, parameters) = path.split_once('?').unwrap_or((path, ""));
        let server = path.split('/').next().unwrap_or(path);
        format!("{start}{server}/{}?{parameters}", self.name)
    }
}

fn options(family: Database) -> MySqlOptions {
    MySql::options().returning(family != Database::MariaDbWithoutReturning)
}

/// Drops, once for each server, the databases of processes of this machine that are gone.
async fn prepare(family: Database, server: &str) -> Result<()> {
    static MARIADB: OnceCell<()> = OnceCell::const_new();
    static MYSQL: OnceCell<()> = OnceCell::const_new();
    let is_prepared = if family == Database::MySql { &MYSQL } else { &MARIADB };
    is_prepared.get_or_try_init(|| drop_what_is_left(server)).await.copied()
}

async fn drop_what_is_left(server: &str) -> Result<()> {
    let driver = MySql::options().url(server).max_connections(1).connect().await?;
    let orm = Orm::builder(driver.clone()).build().await?;
    let unused = "select schema_name from information_schema.schemata where schema_name like 'orm\\_test\\_%' and \
                  schema_name not in (select db from information_schema.processlist where db is not null)";
    let names: Vec<String> = orm.em().fork().sql(unused, ()).fetch_as().await?;
    for name in names {
        let process = name.strip_prefix("orm_test_").and_then(|rest| rest.split('_').next());
        let is_gone = process.is_some_and(|process| {
            process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists()
        });
        if is_gone {
            // Another run may be at it too.
            let _ = run(&driver, &format!("DROP DATABASE IF EXISTS {name}")).await;
        }
    }
    driver.close().await;
    Ok(())
}

async fn run(driver: &MySql, statement: &str) -> Result<()> {
    let orm = Orm::builder(driver.clone()).build().await?;
    orm.em().fork().sql(Sql::trusted(statement.to_owned()), ()).execute().await.map(drop)
}

impl Drop for OwnDatabase {
    fn drop(&mut self) {
        let sweeper = SWEEPER.lock();
        // A run that ends without it leaves databases that the next one drops.
        let _ = sweeper.send((self.server.clone(), self.name.clone()));
    }
}

/// Drops databases on a thread of its own.
static SWEEPER: LazyLock<Mutex<Sender<(String, String)>>> = LazyLock::new(|| {
    let (sender, finished) = mpsc::channel::<(String, String)>();
    std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        let mut servers: Vec<(String, MySql)> = Vec::new();
        for (url, name) in finished {
            runtime.block_on(async {
                if !servers.iter().any(|(known, _)| *known == url)
                    && let Ok(driver) = MySql::options().url(&url).max_connections(1).connect().await
                {
                    // A statement that was cut off may still hold a table for a while.
                    let _ = run(&driver, "SET lock_wait_timeout = 10").await;
                    servers.push((url.clone(), driver));
                }
                if let Some((_, driver)) = servers.iter().find(|(known, _)| *known == url) {
                    let _ = run(driver, &format!("DROP DATABASE IF EXISTS {name}")).await;
                }
            });
        }
    });
    Mutex::new(sender)
});
