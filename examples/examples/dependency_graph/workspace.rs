//! This workspace, as cargo describes it.

use cargo_metadata::{Metadata, MetadataCommand, Result};

/// Asks cargo. What it has downloaded is enough, so that it works without a network; only after building a part of the
/// workspace may something be missing that has to be fetched first.
pub(crate) fn read() -> Result<Metadata> {
    let command = |options: &[&str]| {
        let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
        MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"))
            .other_options(options)
            .exec()
    };
    let options = ["--locked", "--filter-platform", "host-tuple"];
    command(&[&options[..], &["--offline"]].concat()).or_else(|_| command(&options))
}
