//! A server of this program's own: started by the first test that needs it, gone with the program.
//!
//! It listens on this machine alone, takes connections with TLS and without, and asks everybody for a password. It runs as
//! the user that its package made where this program is root, since servers refuse to be root.

use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use orm_core::sql::Sql;
use orm_core::{Orm, Result};
use orm_tests::folder::Folder;

use crate::certificates;

/// The account of the tests, and the only database that it may use.
pub(crate) const ACCOUNT: &str = "ann";
pub(crate) const PASSWORD: &str = "s3cret";
pub(crate) const DATABASE: &str = "library";

/// What differs between the servers.
pub(crate) struct Kind {
    /// As in `ORM_TEST_REQUIRE`, and the scheme of its URLs.
    pub(crate) name: &'static str,
    scheme: &'static str,
    /// The user that it runs as, where this program is root.
    user: &'static str,
    /// The account that makes others.
    own_account: &'static str,
    own_password: &'static str,
    own_database: &'static str,
    /// Its programs: the one that makes its files, and itself.
    programs: fn() -> Option<[PathBuf; 2]>,
    make: fn(&mut Command, &Path),
    serve: fn(&mut Command, &Path, u16),
    stop: &'static str,
    /// What makes the account and the database.
    accounts: fn() -> Vec<String>,
    /// The parameters of a URL for what the server proves, and for the authority.
    pub(crate) parameters: [&'static str; 2],
    pub(crate) modes: Modes,
    /// A query for whether the connection is encrypted, as a number.
    pub(crate) is_encrypted: &'static str,
    /// What the server says of a wrong password, of an account that it does not know, and of a database that it has not.
    pub(crate) refusals: [&'static str; 3],
}

/// What is asked of the server, in its words.
pub(crate) struct Modes {
    pub(crate) off: &'static str,
    pub(crate) required: &'static str,
    pub(crate) authority: &'static str,
    pub(crate) host_too: &'static str,
}

pub(crate) static KINDS: [Kind; 2] = [
    Kind {
        name: "postgres",
        scheme: "postgres",
        user: "postgres",
        own_account: "postgres",
        own_password: "0wn",
        own_database: "postgres",
        programs: || {
            let installed = newest(Path::new("/usr/lib/postgresql")).map(|version| version.join("bin"));
            let folder = installed.or_else(|| Some(find("initdb")?.parent()?.to_owned()))?;
            Some([folder.join("initdb"), folder.join("postgres")])
        },
        make: |command, folder| {
            command.args(["--auth=scram-sha-256", "--username=postgres", "--encoding=UTF8", "--no-sync"]);
            command.arg("--pwfile").arg(folder.join("password")).arg("-D").arg(folder.join("data"));
        },
        serve: |command, folder, port| {
            command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
            let [certificate, key] = ["server.pem", "server.key"].map(|name| folder.join(name));
            for setting in [
                "listen_addresses=127.0.0.1".to_owned(),
                "unix_socket_directories=".to_owned(),
                "fsync=off".to_owned(),
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", certificate.display()),
                format!("ssl_key_file={}", key.display()),
            ] {
                command.arg("-c").arg(setting);
            }
        },
        stop: "-INT",
        accounts: || {
            vec![
                format!("CREATE ROLE {ACCOUNT} LOGIN PASSWORD '{PASSWORD}'"),
                format!("CREATE DATABASE {DATABASE} OWNER {ACCOUNT}"),
            ]
        },
        parameters: ["sslmode", "sslrootcert"],
        modes: Modes { off: "disable", required: "require", authority: "verify-ca", host_too: "verify-full" },
        is_encrypted: "select ssl::int::bigint from pg_stat_ssl where pid = pg_backend_pid()",
        refusals: [
            "password authentication failed for user \"ann\"",
            "password authentication failed for user \"nobody\"",
            "database \"nowhere\" does not exist",
        ],
    },
    Kind {
        name: "mariadb",
        scheme: "mariadb",
        user: "mysql",
        own_account: "root",
        own_password: "",
        own_database: "mysql",
        programs: || Some([find("mariadb-install-db")?, find("mariadbd")?]),
        make: |command, folder| {
            command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
            command.arg(format!("--datadir={}", folder.join("data").display()));
        },
        serve: |command, folder, port| {
            let path = |name: &str| folder.join(name).display().to_string();
            command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-log-bin"]);
            command.args(["--innodb-flush-method=nosync", "--innodb-buffer-pool-size=16M"]);
            command.arg(format!("--datadir={}", path("data"))).arg(format!("--port={port}"));
            command.arg(format!("--socket={}", path("socket"))).arg(format!("--pid-file={}", path("pid")));
            command.arg(format!("--ssl-cert={}", path("server.pem")));
            command.arg(format!("--ssl-key={}", path("server.key")));
        },
        stop: "-TERM",
        accounts: || {
            vec![
                format!("CREATE DATABASE {DATABASE}"),
                format!("CREATE USER {ACCOUNT} IDENTIFIED BY '{PASSWORD}'"),
                format!("GRANT ALL ON *.* TO {ACCOUNT}"),
                // Those that everybody is who has no account.
                "DELETE FROM mysql.global_priv WHERE user = ''".to_owned(),
                "FLUSH PRIVILEGES".to_owned(),
            ]
        },
        parameters: ["ssl-mode", "ssl-ca"],
        modes: Modes {
            off: "DISABLED",
            required: "REQUIRED",
            authority: "VERIFY_CA",
            host_too: "VERIFY_IDENTITY",
        },
        is_encrypted: "select variable_value <> '' from information_schema.session_status \
                       where variable_name = 'ssl_cipher'",
        refusals: [
            "Access denied for user 'ann'@",
            "Access denied for user 'nobody'@",
            "Unknown database 'nowhere'",
        ],
    },
];

impl Kind {
    pub(crate) fn is_installed(&self) -> bool {
        (self.programs)().is_some()
    }
}

/// A server that may run by now.
pub(crate) struct Server {
    pub(crate) kind: &'static Kind,
    running: Mutex<Option<Running>>,
}

struct Running {
    process: Child,
    port: u16,
    folder: Folder,
}

/// Where a server is, and what its certificates are.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) port: u16,
    folder: PathBuf,
}

impl Place {
    /// The certificate of an authority.
    pub(crate) fn authority(&self, name: &str) -> String {
        self.folder.join(format!("{name}.pem")).display().to_string()
    }
}

impl Server {
    pub(crate) fn new(kind: &'static Kind) -> Self {
        Self { kind, running: Mutex::new(None) }
    }

    /// Where it is; starts it, if no other test has.
    pub(crate) fn place(&self) -> Result<Place> {
        let mut running = self.running();
        let server = match running.take() {
            Some(server) => server,
            None => self.start()?,
        };
        let place = Place { port: server.port, folder: server.folder.path().to_owned() };
        *running = Some(server);
        Ok(place)
    }

    pub(crate) fn url(&self, account: &str, place: &str) -> String {
        format!("{}://{account}@{place}", self.kind.scheme)
    }

    /// Stops it, if it was started.
    pub(crate) fn stop(&self) {
        if let Some(mut server) = self.running().take() {
            let _ = Command::new("kill").args([self.kind.stop, &server.process.id().to_string()]).status();
            let _ = server.process.wait();
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<Running> {
        let Some([maker, server]) = (self.kind.programs)() else {
            return Err(orm_core::Error::other(format!("{} is not installed", self.kind.name)));
        };
        let mut running = self.spawn(&maker, &server).map_err(orm_core::Error::other)?;
        match block_on(self.make_accounts(&mut running)) {
            Ok(()) => Ok(running),
            Err(error) => {
                let _ = running.process.kill();
                let _ = running.process.wait();
                let log = std::fs::read_to_string(running.folder.path().join("log")).unwrap_or_default();
                Err(orm_core::Error::other(format!("{error:?}\n{log}")))
            }
        }
    }

    fn spawn(&self, maker: &Path, server: &Path) -> io::Result<Running> {
        let folder = Folder::new().map_err(io::Error::other)?;
        let owner = owner(self.kind.user)?;
        let path = folder.path();
        certificates::write(path)?;
        std::fs::write(path.join("password"), self.kind.own_password)?;
        for file in std::fs::read_dir(path)? {
            let file = file?.path();
            std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600))?;
            give(&file, owner)?;
        }
        give(path, owner)?;
        let mut make = self.command(maker, path, owner)?;
        (self.kind.make)(&mut make, path);
        let made = make.status()?;
        if !made.success() {
            let said = std::fs::read_to_string(path.join("log"))?;
            return Err(io::Error::other(format!("{}: {made}\n{said}", maker.display())));
        }
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut serve = self.command(server, path, owner)?;
        (self.kind.serve)(&mut serve, path, port);
        Ok(Running { process: serve.spawn()?, port, folder })
    }

    /// A program that writes what it says into the log of the folder.
    fn command(&self, program: &Path, folder: &Path, owner: Option<(u32, u32)>) -> io::Result<Command> {
        let log = std::fs::File::options().append(true).create(true).open(folder.join("log"))?;
        let mut command = Command::new(program);
        command.current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if let Some((user, group)) = owner {
            command.uid(user).gid(group);
        }
        Ok(command)
    }

    /// Waits for the server, and makes what tests use.
    async fn make_accounts(&self, running: &mut Running) -> Result<()> {
        let account = format!("{}:{}", self.kind.own_account, self.kind.own_password);
        let url = self.url(&account, &format!("127.0.0.1:{}/{}", running.port, self.kind.own_database));
        let deadline = Instant::now() + Duration::from_secs(120);
        let driver = loop {
            match orm_sqlx::connect(&url).await {
                Ok(driver) => break driver,
                Err(error) => {
                    let has_ended = running.process.try_wait().map_err(orm_core::Error::other)?.is_some();
                    if has_ended || Instant::now() > deadline {
                        return Err(error);
                    }
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        };
        let orm = Orm::builder(driver).build().await?;
        for statement in (self.kind.accounts)() {
            orm.em().fork().sql(Sql::trusted(statement), ()).execute().await?;
        }
        orm.close().await;
        Ok(())
    }
}

/// The ids of a user and of its group; none where this program is not root, and runs servers as itself.
fn owner(user: &str) -> io::Result<Option<(u32, u32)>> {
    let id = |arguments: &[&str]| -> io::Result<u32> {
        let said = Command::new("id").args(arguments).output()?;
        String::from_utf8_lossy(&said.stdout).trim().parse().map_err(io::Error::other)
    };
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((id(&["-u", user])?, id(&["-g", user])?)))
}

fn give(path: &Path, owner: Option<(u32, u32)>) -> io::Result<()> {
    match owner {
        Some((user, group)) => chown(path, Some(user), Some(group)),
        None => Ok(()),
    }
}

/// A program in one of the folders for programs.
fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(name)).find(|program| program.is_file())
}

/// The folder with the largest number as its name.
fn newest(folder: &Path) -> Option<PathBuf> {
    let versions = std::fs::read_dir(folder).ok()?.flatten().filter_map(|entry| {
        let number: u32 = entry.file_name().to_str()?.parse().ok()?;
        entry.path().join("bin/initdb").is_file().then(|| (number, entry.path()))
    });
    versions.max().map(|(_, path)| path)
}

pub(crate) fn block_on<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(orm_core::Error::other)?.block_on(future)
}
