//! The API over real HTTP: each test has a server on a port of its own, and a database of its own.
//!
//! On SQLite always, on PostgreSQL where `ORM_TEST_POSTGRES_URL` says where it is, and on MariaDB where
//! `ORM_TEST_MARIADB_URL` does. What `ORM_TEST_REQUIRE` names, `postgres` or `mariadb`, has to be there.

mod articles;
mod bad_input;
mod client;
mod collection;
mod comments;
mod database;
mod migrations;
mod program;
mod server;
mod statements;
mod statuses;
mod users;

use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use tracing_subscriber::filter::LevelFilter;

use database::Database;
use server::{Api, Test};

/// The tests, as `file::name`.
macro_rules! tests {
    ($($file:ident: $($name:ident),+;)+) => {
        vec![$($((
            concat!(stringify!($file), "::", stringify!($name)),
            Box::new(|api: Api| Box::pin(async move { $file::$name(&api).await })),
        ),)+)+]
    };
}

fn tests() -> Vec<(&'static str, Test)> {
    tests! {
        articles: collide, feed_is_no_slug, are_listed, are_fed, change, change_at_once, have_tags, go_with_what_belongs_to_them;
        bad_input: bodies, queries, paths, texts, other_hosts;
        collection: passes;
        comments: belong_to_an_article;
        migrations: make_what_is_needed;
        statements: do_not_grow_with_the_page;
        statuses: are_as_specified;
        users: are_unique, keep_their_password, change, tokens, follow;
    }
}

fn main() -> ExitCode {
    // What a server logs says why it answered with 500.
    tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_writer(std::io::stderr).init();
    let arguments = Arguments::from_args();
    let databases = match Database::there() {
        Ok(databases) => databases,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let mut trials = vec![Trial::test("program", || program::serves().map_err(Failed::from))];
    for database in databases {
        trials.extend(tests().into_iter().map(|(name, test)| {
            Trial::test(format!("{database}::{name}"), move || server::run(database, test))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
