//! What the command line asks for.
//!
//! Besides its own options the program takes what `cargo test` and its kin hand to every test: a filter, `--list`, and
//! flags that mean nothing here.

use std::str::FromStr;

use crate::breaks::Break;

/// The one test that this is, for filters and lists.
pub(crate) const NAME: &str = "requests_are_isolated";

/// How much is run.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Requests on each runtime, besides those of the warm-up.
    pub(crate) requests: usize,
    pub(crate) in_flight: usize,
    /// Of each runtime.
    pub(crate) workers: Vec<usize>,
    /// Decides what each request does, and when.
    pub(crate) seed: u64,
    /// What is broken on purpose.
    pub(crate) breaks: Option<Break>,
}

/// What is to be done.
pub(crate) enum Task {
    Run(Options),
    List,
    /// A filter names something else.
    Nothing,
}

impl Task {
    /// # Errors
    ///
    /// What is wrong with an option, for who wrote it.
    pub(crate) fn from_arguments(arguments: impl IntoIterator<Item = String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        let mut options =
            Options { requests: 7_000, in_flight: 64, workers: vec![1, 2, 4], seed: 1, breaks: None };
        let mut filters = Vec::new();
        while let Some(argument) = arguments.next() {
            match argument.as_str() {
                "--requests" => options.requests = value(&argument, arguments.next())?,
                "--in-flight" => options.in_flight = value(&argument, arguments.next())?,
                "--seed" => options.seed = value(&argument, arguments.next())?,
                "--break" => options.breaks = Some(value(&argument, arguments.next())?),
                "--workers" => {
                    let list: String = value(&argument, arguments.next())?;
                    let numbers = list.split(',').map(|number| value(&argument, Some(number.to_owned())));
                    options.workers = numbers.collect::<Result<_, _>>()?;
                }
                "--list" => return Ok(Self::List),
                // Of the usual harness, with a value of its own.
                "--test-threads" | "--skip" | "--format" | "--color" | "--logfile" => drop(arguments.next()),
                flag if flag.starts_with('-') => {}
                _ => filters.push(argument),
            }
        }
        if options.requests == 0 || options.in_flight == 0 || options.workers.contains(&0) {
            return Err("nothing runs with 0 requests, 0 in flight or 0 workers".into());
        }
        let is_meant = filters.is_empty() || filters.iter().any(|filter| NAME.contains(filter.as_str()));
        Ok(if is_meant { Self::Run(options) } else { Self::Nothing })
    }
}

fn value<V: FromStr>(option: &str, text: Option<String>) -> Result<V, String> {
    let text = text.ok_or_else(|| format!("{option} needs a value"))?;
    text.parse().map_err(|_| match option {
        "--break" => format!("{option} takes one of {}, not `{text}`", Break::names()),
        _ => format!("{option} takes a number, not `{text}`"),
    })
}
