//! Everything that is promised, on every database that is there.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use orm_tests::databases::{self, Database};
use orm_tests::suite::{self, Behaviour};

fn main() -> ExitCode {
    let (filters, options) = filters_of(env::args());
    let arguments = Arguments::from_iter(options);
    let (there, left_out) = match databases::found() {
        Ok(found) => found,
        Err(problem) => {
            eprintln!("{problem}");
            return ExitCode::FAILURE;
        }
    };
    let count = |database: &Database| suite::behaviours(*database).len();
    there.iter().for_each(|database| eprintln!("{database}: {} tests", count(database)));
    left_out.iter().for_each(|database| eprintln!("{}", databases::left_out(*database)));
    let is_wanted = |trial: &Trial| {
        let name = trial.name();
        let is_meant =
            |filter: &String| if arguments.exact { name == filter } else { name.contains(&**filter) };
        filters.is_empty() || filters.iter().any(is_meant)
    };
    let trials = there.into_iter().flat_map(|database| {
        let trials = suite::behaviours(database).into_iter();
        trials.map(move |behaviour| {
            let name = format!("{}::{}", database.name(), behaviour.name);
            Trial::test(name, move || run(database, behaviour))
        })
    });
    libtest_mimic::run(&arguments, trials.filter(is_wanted).collect()).exit_code()
}

/// The names that are asked for, of which libtest takes several and its imitation one, and everything else.
fn filters_of(arguments: impl Iterator<Item = String>) -> (Vec<String>, Vec<String>) {
    const WITH_VALUE: [&str; 5] = ["--test-threads", "--skip", "--format", "--color", "--logfile"];
    let (mut filters, mut options) = (Vec::new(), Vec::new());
    let mut is_value = true;
    for argument in arguments {
        if is_value || argument.starts_with('-') {
            is_value = WITH_VALUE.contains(&&*argument);
            options.push(argument);
        } else {
            filters.push(argument);
        }
    }
    (filters, options)
}

fn run(database: Database, behaviour: Behaviour) -> Result<(), Failed> {
    databases::give(database);
    let mut runtime = match behaviour.threads {
        1 => tokio::runtime::Builder::new_current_thread(),
        threads => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            runtime.worker_threads(threads);
            runtime
        }
    };
    let runtime = runtime.enable_all().on_thread_start(move || databases::give(database)).build()?;
    runtime.block_on((behaviour.run)()).map_err(|error| {
        let mut said = format!("{error:?}");
        let mut cause = error.source();
        while let Some(source) = cause {
            said += &format!("\ncaused by {source}");
            cause = source.source();
        }
        said.into()
    })
}
