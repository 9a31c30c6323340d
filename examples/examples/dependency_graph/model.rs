//! What a dependency graph consists of.
//!
//! Tables and columns have their default names, but for the two keys of `dependencies`, which lead to one table.

use orm_core::{Collection, Entity, Ref};

/// A name in the registry, with each version of it that the graph has.
#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Package {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique)]
    pub(crate) name: String,
    #[entity(mapped_by = "package", order_by = "version")]
    pub(crate) releases: Collection<Release>,
}

/// One version of a package.
#[derive(Entity, Clone, Debug, Default)]
#[entity(unique(package, version, source))]
pub(crate) struct Release {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(on_delete = "cascade")]
    pub(crate) package: Ref<Package>,
    pub(crate) version: String,
    /// The registry or repository; `workspace` for what is built from here.
    pub(crate) source: String,
    pub(crate) edition: String,
    pub(crate) description: Option<String>,
    #[entity(mapped_by = "release", order_by = "name")]
    pub(crate) features: Collection<Feature>,
    #[entity(mapped_by = "release", order_by = "name")]
    pub(crate) targets: Collection<Target>,
    #[entity(many_to_many)]
    pub(crate) authors: Collection<Author>,
    #[entity(many_to_many)]
    pub(crate) licences: Collection<Licence>,
    /// What it needs to be built or to run, but not to be tested.
    #[entity(many_to_many, join_column = "dependent_id", inverse_join_column = "dependency_id")]
    pub(crate) dependencies: Collection<Release>,
    #[entity(mapped_by = "dependencies")]
    pub(crate) dependents: Collection<Release>,
}

/// A feature of a release.
#[derive(Entity, Clone, Debug, Default)]
#[entity(unique(release, name))]
pub(crate) struct Feature {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(on_delete = "cascade")]
    pub(crate) release: Ref<Release>,
    pub(crate) name: String,
    /// What it turns on in turn.
    pub(crate) enables: String,
    /// Whether this workspace turns it on.
    pub(crate) is_enabled: bool,
}

/// A library, program, test or build script of a release.
#[derive(Entity, Clone, Debug, Default)]
#[entity(unique(release, kind, name))]
pub(crate) struct Target {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(on_delete = "cascade")]
    pub(crate) release: Ref<Release>,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) edition: String,
}

/// Somebody whom a manifest names, as it does.
#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Author {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique)]
    pub(crate) name: String,
    #[entity(mapped_by = "authors")]
    pub(crate) releases: Collection<Release>,
}

/// A licence, by its SPDX identifier.
#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Licence {
    #[entity(id, auto)]
    pub(crate) id: i64,
    #[entity(unique)]
    pub(crate) identifier: String,
    #[entity(mapped_by = "licences")]
    pub(crate) releases: Collection<Release>,
}
