//! What can be wrong about a PostgreSQL before it is reached.

use orm_core::Error;
use orm_core::driver::DriverErrorKind;
use orm_sqlx::Postgres;

/// The kind of the failure, and all that is said of it.
async fn refused(url: &str) -> (Option<DriverErrorKind>, String) {
    let error = Postgres::connect(url).await.expect_err("there is none");
    let cause = match &error {
        Error::Driver { source, .. } => source.to_string(),
        other => panic!("{other:?}"),
    };
    (error.driver_kind(), format!("{error}: {cause}; {error:?}"))
}

#[tokio::test]
async fn a_server_that_is_not_there_is_named_at_once() {
    let (kind, said) = refused("postgres://ann:s3cret@127.0.0.1:1/library").await;
    assert_eq!(kind, Some(DriverErrorKind::ConnectionLost), "{said}");
    assert!(said.contains("no server for the database library at 127.0.0.1:1"), "{said}");
    assert!(!said.contains("s3cret"), "{said}");
}

#[tokio::test]
async fn a_wrong_url_says_how_to_write_it() {
    for url in
        ["mysql://ann:s3cret@localhost/library", "library", "postgres://ann:s3cret@local host:x/library"]
    {
        let (kind, said) = refused(url).await;
        assert_eq!(kind, Some(DriverErrorKind::Other), "{said}");
        assert!(said.contains("write postgres://"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
    }
}

#[test]
fn options_do_not_show_the_password() {
    let options = Postgres::options().url("postgres://ann:s3cret@localhost/library");
    assert!(!format!("{options:?}").contains("s3cret"));
}
