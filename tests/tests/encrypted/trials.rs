//! What is tried on each server.

use std::error::Error as _;
use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Failed, Trial};
use orm_core::driver::DriverErrorKind;
use orm_core::{Error, Orm, Result};
use tracing_subscriber::filter::LevelFilter;

use crate::certificates::HOST;
use crate::server::{ACCOUNT, DATABASE, PASSWORD, Place, Server, block_on};

/// Everything that is tried on a server.
pub(crate) fn of(server: &'static Server) -> Vec<Trial> {
    let trial = |name: &str, run: fn(&Server, &Place) -> Result<()>| {
        Trial::test(format!("{}::{name}", server.kind.name), move || {
            let place = server.place()?;
            run(server, &place).map_err(|error| Failed::from(said(&error)))
        })
    };
    vec![
        trial("a_known_authority_and_the_right_host_are_encrypted", verified),
        trial("what_is_required_is_encrypted_whoever_the_server_is", required),
        trial("what_is_off_is_not_encrypted", off),
        trial("an_authority_that_is_not_known_is_told", other_authority),
        trial("another_host_than_that_of_the_certificate_is_told", other_host),
        trial("an_authority_that_is_not_there_is_told", missing_authority),
        trial("a_wrong_password_is_told", wrong_password),
        trial("an_account_that_does_not_exist_is_told", wrong_account),
        trial("a_database_that_does_not_exist_is_told", wrong_database),
        trial("a_wrong_port_is_told", wrong_port),
        trial("a_host_that_does_not_exist_is_told", wrong_host),
        trial("no_password_is_logged", silent),
    ]
}

/// The URL of the tests' account at a host, with what is asked of the server.
fn url(server: &Server, place: &Place, host: &str, mode: &str, authority: Option<&str>) -> String {
    let [mode_name, authority_name] = server.kind.parameters;
    let authority = authority.map_or_else(String::new, |path| format!("&{authority_name}={path}"));
    let place = format!("{host}:{}/{DATABASE}?{mode_name}={mode}{authority}", place.port);
    server.url(&format!("{ACCOUNT}:{PASSWORD}"), &place)
}

/// Whether the connection that a URL leads to is encrypted.
fn is_encrypted(server: &Server, url: &str) -> Result<bool> {
    block_on(async {
        let orm = Orm::builder(orm_sqlx::connect(url).await?).build().await?;
        let is_encrypted = orm.em().fork().sql(server.kind.is_encrypted, ()).fetch_one_as::<i64>().await?;
        orm.close().await;
        Ok(is_encrypted == 1)
    })
}

/// The kind of the failure, and all that is said of it, in which no password is.
#[track_caller]
fn refused(url: &str) -> (DriverErrorKind, String) {
    let error = block_on(async { orm_sqlx::connect(url).await.map(drop) }).expect_err("it leads nowhere");
    let kind = error.driver_kind().expect("it is the driver's");
    let said = said(&error);
    assert!(!said.contains(PASSWORD), "{said}");
    (kind, said)
}

/// All that is said of an error, for people and for programmers.
fn said(error: &Error) -> String {
    let mut said = format!("{error}; {error:?}");
    let mut cause = error.source();
    while let Some(source) = cause {
        said += &format!("; {source}; {source:?}");
        cause = source.source();
    }
    said
}

#[track_caller]
fn check((kind, said): (DriverErrorKind, String), expected: DriverErrorKind, words: &[&str]) -> Result<()> {
    assert_eq!(kind, expected, "{said}");
    for word in words {
        assert!(said.contains(word), "`{word}` is not in: {said}");
    }
    Ok(())
}

// ---- TLS

fn verified(server: &Server, place: &Place) -> Result<()> {
    let known = place.authority("known");
    assert!(is_encrypted(server, &url(server, place, HOST, server.kind.modes.host_too, Some(&known)))?);
    Ok(())
}

fn required(server: &Server, place: &Place) -> Result<()> {
    assert!(is_encrypted(server, &url(server, place, "127.0.0.1", server.kind.modes.required, None))?);
    Ok(())
}

fn off(server: &Server, place: &Place) -> Result<()> {
    assert!(!is_encrypted(server, &url(server, place, HOST, server.kind.modes.off, None))?);
    Ok(())
}

fn other_authority(server: &Server, place: &Place) -> Result<()> {
    let other = place.authority("other");
    for (mode, authority) in [
        (server.kind.modes.host_too, Some(other.as_str())),
        (server.kind.modes.authority, Some(other.as_str())),
        (server.kind.modes.host_too, None),
    ] {
        let refused = refused(&url(server, place, HOST, mode, authority));
        check(refused, DriverErrorKind::Other, &["can't be encrypted as it is asked for", "UnknownIssuer"])?;
    }
    Ok(())
}

fn other_host(server: &Server, place: &Place) -> Result<()> {
    let known = place.authority("known");
    let at = |mode| url(server, place, "127.0.0.1", mode, Some(&known));
    assert!(is_encrypted(server, &at(server.kind.modes.authority))?, "which does not look at the host");
    let refused = refused(&at(server.kind.modes.host_too));
    check(refused, DriverErrorKind::Other, &["can't be encrypted as it is asked for", "127.0.0.1", HOST])
}

fn missing_authority(server: &Server, place: &Place) -> Result<()> {
    let refused = refused(&url(server, place, HOST, server.kind.modes.host_too, Some("/no/such.pem")));
    check(refused, DriverErrorKind::Other, &["a certificate for the way to the database library at"])
}

// ---- accounts and places

/// The failure of a URL that is wrong in something, over TLS or not.
#[track_caller]
fn refused_at(server: &Server, account: &str, place: &str) -> (DriverErrorKind, String) {
    refused(&server.url(account, place))
}

fn wrong_password(server: &Server, place: &Place) -> Result<()> {
    let refused = refused_at(server, "ann:no_s3cret", &format!("{HOST}:{}/{DATABASE}", place.port));
    check(
        refused,
        DriverErrorKind::Other,
        &["opening the database library at localhost", server.kind.refusals[0]],
    )
}

fn wrong_account(server: &Server, place: &Place) -> Result<()> {
    let refused = refused_at(server, "nobody:s3cret", &format!("{HOST}:{}/{DATABASE}", place.port));
    check(
        refused,
        DriverErrorKind::Other,
        &["opening the database library at localhost", server.kind.refusals[1]],
    )
}

fn wrong_database(server: &Server, place: &Place) -> Result<()> {
    let account = format!("{ACCOUNT}:{PASSWORD}");
    let refused = refused_at(server, &account, &format!("{HOST}:{}/nowhere", place.port));
    check(
        refused,
        DriverErrorKind::MissingSchemaObject,
        &["opening the database nowhere at localhost", server.kind.refusals[2]],
    )
}

fn wrong_port(server: &Server, _: &Place) -> Result<()> {
    let refused = refused_at(server, &format!("{ACCOUNT}:{PASSWORD}"), &format!("{HOST}:1/{DATABASE}"));
    check(refused, DriverErrorKind::ConnectionLost, &["no server for the database library at localhost:1"])
}

fn wrong_host(server: &Server, place: &Place) -> Result<()> {
    let nowhere = format!("nowhere.invalid:{}/{DATABASE}", place.port);
    let refused = refused_at(server, &format!("{ACCOUNT}:{PASSWORD}"), &nowhere);
    check(
        refused,
        DriverErrorKind::ConnectionLost,
        &["no server for the database library at nowhere.invalid"],
    )
}

/// Neither by what works nor by what fails, nor by a URL in which the parameter for it is misspelt, at any level.
fn silent(server: &Server, place: &Place) -> Result<()> {
    let text = Arc::new(Mutex::new(Vec::<u8>::new()));
    let writer = Arc::clone(&text);
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(LevelFilter::TRACE)
        .with_writer(move || Writer(Arc::clone(&writer)))
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let right = url(server, place, HOST, server.kind.modes.required, None);
        assert!(is_encrypted(server, &right)?);
        assert!(is_encrypted(server, &format!("{right}&pasword={PASSWORD}"))?);
        refused(&url(server, place, HOST, server.kind.modes.host_too, None));
        wrong_password(server, place)?;
        wrong_port(server, place)
    })?;
    let logged = String::from_utf8_lossy(&text.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
    assert!(logged.contains("orm::statement") && logged.contains("pasword"), "{logged}");
    assert!(!logged.contains(PASSWORD), "{logged}");
    Ok(())
}

struct Writer(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
