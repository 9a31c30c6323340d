//! PostgreSQL: one database for the process, one schema in it for each test.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use orm_core::driver::Driver;
use orm_core::sql::Sql;
use orm_core::{Error, Orm, Result};
use orm_sqlx::Postgres;
use tokio::sync::OnceCell;

use super::{ByProxy, SharedDriver};
use crate::plain::begin_left_open;
use crate::proxy::Proxy;

static DATABASE: OnceCell<String> = OnceCell::const_new();

/// A driver on a schema of its own.
pub(super) async fn connect(connections: u32) -> Result<Postgres> {
    let url = make_schema().await?;
    Postgres::options().url(url).max_connections(connections).connect().await
}

/// A schema of its own, and the way to it that can be cut.
pub(super) async fn connect_by_proxy() -> Result<ByProxy> {
    let url = make_schema().await?;
    let (user, rest) = url.rsplit_once('@').unwrap_or(("postgres://postgres", &url));
    let rest = rest.rsplit("://").next().unwrap_or(rest);
    let (server, path) = rest.split_once('/').unwrap_or((rest, ""));
    let server = if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
    let proxy = Proxy::before(server).await.map_err(Error::other)?;
    let through = format!("{user}@{}/{path}", proxy.address());
    Ok(ByProxy {
        past: SharedDriver(Arc::new(Postgres::options().url(url).connect().await?)),
        proxy,
        connect: Box::new(move |connections| {
            let options = Postgres::options().url(&through).max_connections(connections);
            Box::pin(async { Ok(SharedDriver(Arc::new(options.connect().await?))) })
        }),
    })
}

/// See [`begin_left_open`].
pub(super) async fn plain_begin_left_open(refused_inside: &'static str) -> Result<Option<usize>> {
    begin_left_open::<sqlx_postgres::Postgres>(&make_schema().await?, refused_inside).await
}

/// Makes a schema for one test, and gives the URL that leads to it.
async fn make_schema() -> Result<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let url = std::env::var("ORM_TEST_POSTGRES_URL").map_err(Error::other)?;
    let database = DATABASE.get_or_try_init(|| make_database(&url)).await?;
    let schema = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let own = with_database(&url, database);
    let maker = Postgres::options().url(&own).max_connections(1).connect().await?;
    run(&maker, &[format!("CREATE SCHEMA {schema}")]).await?;
    maker.close().await;
    Ok(format!("{own}?options=-csearch_path%3D{schema}"))
}

/// A database for this process; those of processes that are gone go.
async fn make_database(url: &str) -> Result<String> {
    let server = Postgres::options().url(url).max_connections(1).connect().await?;
    let name = format!("orm_test_{}", std::process::id());
    drop_what_is_left(&server).await?;
    run(&server, &[format!("DROP DATABASE IF EXISTS {name}")]).await?;
    run(&server, &[format!("CREATE DATABASE {name} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")])
        .await?;
    server.close().await;
    Ok(name)
}

/// Drops the databases of processes of this machine that are gone.
async fn drop_what_is_left(server: &Postgres) -> Result<()> {
    let orm = Orm::builder(server.clone()).build().await?;
    let unused = "select datname::text from pg_database d where datname like 'orm\\_test\\_%' \
                  and not exists (select from pg_stat_activity a where a.datname = d.datname)";
    let names: Vec<String> = orm.em().fork().sql(unused, ()).fetch_as().await?;
    for name in names {
        let is_gone = name.strip_prefix("orm_test_").is_some_and(|process| {
            process.parse::<u32>().is_ok() && !Path::new("/proc").join(process).exists()
        });
        if is_gone {
            // Another run may be at it too.
            let _ = run(server, &[format!("DROP DATABASE IF EXISTS {name}")]).await;
        }
    }
    Ok(())
}

async fn run(server: &Postgres, statements: &[String]) -> Result<()> {
    let orm = Orm::builder(server.clone()).build().await?;
    for statement in statements {
        orm.em().fork().sql(Sql::trusted(statement.clone()), ()).execute().await?;
    }
    Ok(())
}

/// The URL, with another database.
fn with_database(url: &str, name: &str) -> String {
    let (start, path) = url.split_at(url.find("://").map_or(0, |at| at + 3));
    let server = path.split('/').next().unwrap_or(path);
    format!("{start}{server}/{name}")
}
