//! What can be wrong about a URL, whatever its database, before anything is reached; and what can't be told from it.

use orm_core::driver::DriverErrorKind;
use orm_core::{Error, Orm};
use orm_sqlx::{AnyDriver, MySql, StatementCounter, TlsMode};

/// The kind of the failure, and all that is said of it.
async fn refused(url: &str) -> (Option<DriverErrorKind>, String) {
    let error = orm_sqlx::connect(url).await.expect_err("there is none");
    let cause = match &error {
        Error::Driver { source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    (error.driver_kind(), format!("{error}: {cause}; {error:?}"))
}

#[tokio::test]
async fn a_scheme_names_the_driver() -> orm_core::Result<()> {
    let driver = orm_sqlx::connect("sqlite::memory:").await?;
    assert!(format!("{driver:?}").starts_with("Sqlite("), "{driver:?}");
    let orm = Orm::builder(driver).build().await?;
    assert_eq!(orm.em().fork().sql("select 1", ()).fetch_one_as::<i64>().await?, 1);
    Ok(())
}

#[tokio::test]
async fn what_all_databases_have_is_set_whatever_the_scheme() -> orm_core::Result<()> {
    let seen = StatementCounter::new();
    for (_, url) in given() {
        let options = AnyDriver::options().url(url).max_connections(1).observer(seen.observer());
        let orm = Orm::builder(options.connect().await?).build().await?;
        seen.reset();
        assert_eq!(orm.em().fork().sql("select 1", ()).fetch_one_as::<i64>().await?, 1);
        assert_eq!(seen.texts(), ["select 1"]);
    }
    Ok(())
}

#[tokio::test]
async fn a_scheme_that_is_unknown_says_which_there_are() {
    for url in ["oracle://ann:s3cret@localhost/library", "ann:s3cret@localhost/library", "library.db", ""] {
        let (kind, said) = refused(url).await;
        assert_eq!(kind, Some(DriverErrorKind::Unsupported), "{said}");
        assert!(said.contains("write sqlite:PATH, postgres://"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_at_once() {
    for scheme in ["mysql", "mariadb", "postgres", "postgresql"] {
        let (kind, said) = refused(&format!("{scheme}://ann:s3cret@127.0.0.1:1/library")).await;
        assert_eq!(kind, Some(DriverErrorKind::ConnectionLost), "{said}");
        assert!(said.contains("no server for the database library at 127.0.0.1:1"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[tokio::test]
async fn a_wrong_url_says_how_to_write_it() {
    for url in ["mysql://ann:s3cret@local host:x/library", "mysql://ann:s3cret@localhost:x"] {
        let (kind, said) = refused(url).await;
        assert_eq!(kind, Some(DriverErrorKind::Other), "{said}");
        assert!(said.contains("write mysql://"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

/// A database of each kind that is there.
fn given() -> impl Iterator<Item = (&'static str, String)> {
    let servers = ["ORM_TEST_POSTGRES_URL", "ORM_TEST_MARIADB_URL", "ORM_TEST_MYSQL_URL"];
    let servers = servers.into_iter().filter_map(|variable| Some((variable, std::env::var(variable).ok()?)));
    std::iter::once(("SQLite", "sqlite::memory:".to_owned())).chain(servers)
}

/// On each server that is there.
#[tokio::test]
async fn a_wrong_password_is_refused_and_not_shown() {
    for variable in ["ORM_TEST_MARIADB_URL", "ORM_TEST_MYSQL_URL"] {
        let Ok(url) = std::env::var(variable) else {
            println!("left out, since {variable} is not set");
            continue;
        };
        let server = url.rsplit_once('@').map_or(url.as_str(), |(_, server)| server);
        let (kind, said) = refused(&format!("mysql://orm_nobody:s3cret@{server}")).await;
        assert_ne!(kind, Some(DriverErrorKind::ConnectionLost), "{said}");
        assert!(said.contains("opening the database"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn options_do_not_show_the_password() {
    let options = MySql::options().url("mysql://ann:s3cret@localhost/library").tls(TlsMode::VerifyFull);
    let shown = format!("{options:?}");
    assert!(!shown.contains("s3cret") && shown.contains("VerifyFull"), "{shown}");
    let options = AnyDriver::options().url("mysql://ann:s3cret@localhost/library").max_connections(7);
    let shown = format!("{options:?}");
    assert!(!shown.contains("s3cret") && shown.contains('7'), "{shown}");
}
