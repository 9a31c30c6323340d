//! The way to a server that is encrypted, and what a server refuses at the door: on throwaway servers with certificates and
//! passwords of their own.
//!
//! PostgreSQL and MariaDB, each where its server is installed; one that is not is left out with a line that says so, and is
//! an error where `ORM_TEST_REQUIRE` names it.

mod certificates;
mod server;
mod trials;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use server::{KINDS, Server};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let required = std::env::var("ORM_TEST_REQUIRE").unwrap_or_default();
    let mut servers: Vec<&'static Server> = Vec::new();
    for kind in &KINDS {
        if kind.is_installed() {
            // Started by the first test that is run on it; tests outlive this function's variables.
            servers.push(Box::leak(Box::new(Server::new(kind))));
        } else if required.split(',').any(|name| name.trim() == kind.name) {
            eprintln!("{} is required, and its server is not installed", kind.name);
            return ExitCode::FAILURE;
        } else {
            eprintln!("{}: left out, since its server is not installed", kind.name);
        }
    }
    let trials = servers.iter().flat_map(|server| trials::of(server)).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    servers.iter().for_each(|server| server.stop());
    conclusion.exit_code()
}
