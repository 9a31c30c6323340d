//! The program itself, as it is started on a fresh machine.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use serde_json::json;

use crate::client;
use crate::server::SECRET;

/// A program that ends with its test.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// It says where it listens, makes its tables, and finds what it has kept when it is started again.
pub(crate) fn serves() -> Result<(), String> {
    let folder = env::temp_dir().join(format!("realworld_program_{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    let user = json!({ "user": { "username": "ann", "email": "ann@example.org", "password": "secret" } });
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    for (request, status) in [("POST /users", 201), ("POST /users", 422), ("POST /users/login", 200)] {
        let program = Command::new(env!("CARGO_BIN_EXE_realworld"))
            .args(["--listen", "127.0.0.1:0", "--jwt-secret", SECRET])
            .env_remove("DATABASE_URL")
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .spawn();
        let mut program = Program(program.map_err(|error| error.to_string())?);
        let mut line = String::new();
        let output = program.0.stdout.take().ok_or("it has no output")?;
        BufReader::new(output).read_line(&mut line).map_err(|error| error.to_string())?;
        let address = line.strip_prefix("listening on http://").and_then(|line| line.strip_suffix("/api\n"));
        let address = address.and_then(|address| address.parse().ok()).ok_or(format!("it says {line:?}"))?;
        let headers = [("content-type", "application/json")];
        let answer = runtime.block_on(client::send(address, request, &headers, user.to_string()));
        assert_eq!(answer.status, status, "{}", answer.json);
    }
    assert!(folder.join("realworld.db").is_file(), "the database is a file where it was started");
    fs::remove_dir_all(folder).map_err(|error| error.to_string())
}
