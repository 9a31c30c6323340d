//! Makes the entities agree with what cargo says.
//!
//! There is one way for the first run and for all others: load what exists, assign what should be, remove the rest.
//! Assigning a value that is there already is no change, so the flush that follows writes what differs and nothing
//! else.

use std::collections::{BTreeSet, HashMap};

use cargo_metadata::{DependencyKind, Metadata, Node, NodeDep, Package as Manifest, PackageId};
use orm_core::{EntityManager, Loaded, Result};

use crate::known::Known;
use crate::model::{Author, Feature, Licence, Package, Release, Target};

/// A graph whose entities are loaded, with all relations that an import compares.
pub(crate) struct Importer {
    em: EntityManager,
    packages: Known<String, Package>,
    releases: Known<(String, String, String), Release>,
    authors: Known<String, Author>,
    licences: Known<String, Licence>,
}

impl Importer {
    /// Loads what exists, with one statement for each type and relation.
    pub(crate) async fn load(em: &EntityManager) -> Result<Self> {
        let content =
            (Release::FEATURES, Release::TARGETS, Release::AUTHORS, Release::LICENCES, Release::DEPENDENCIES);
        let packages = em.find_all::<Package>().populate(Package::RELEASES.then(content)).await?;
        let releases = packages.iter().flat_map(|package| {
            let name = package.get().name.clone();
            package.releases().into_iter().map(move |entity| {
                let release = entity.get();
                ((name.clone(), release.version.clone(), release.source.clone()), entity)
            })
        });
        let releases = Known::new(em, releases);
        let packages = packages.into_iter().map(|entity| (entity.get().name.clone(), entity));
        let authors = em.find_all::<Author>().await?.into_iter();
        let authors = authors.map(|entity| (entity.get().name.clone(), entity));
        let licences = em.find_all::<Licence>().await?.into_iter();
        let licences = licences.map(|entity| (entity.get().identifier.clone(), entity));
        Ok(Self {
            em: em.clone(),
            packages: Known::new(em, packages),
            releases,
            authors: Known::new(em, authors),
            licences: Known::new(em, licences),
        })
    }

    /// Changes what differs from `metadata`, in memory only.
    pub(crate) fn import(mut self, metadata: &Metadata) -> Result<()> {
        let nodes = metadata.resolve.iter().flat_map(|resolve| &resolve.nodes);
        let nodes: HashMap<&PackageId, &Node> = nodes.map(|node| (&node.id, node)).collect();
        let mut releases = HashMap::new();
        for manifest in &metadata.packages {
            let release = self.release(manifest)?;
            self.features(&release, manifest, nodes.get(&manifest.id).copied())?;
            self.targets(&release, manifest)?;
            self.authors(&release, manifest)?;
            self.licences(&release, manifest)?;
            releases.insert(&manifest.id, release);
        }
        for (id, node) in nodes {
            let dependencies = node.deps.iter().filter(|dependency| !is_for_tests(dependency));
            let dependencies = dependencies.filter_map(|dependency| releases.get(&dependency.pkg));
            if let Some(release) = releases.get(id) {
                release.dependencies_ref().set(dependencies)?;
            }
        }
        self.releases.remove_unwanted()?;
        self.packages.remove_unwanted()?;
        self.authors.remove_unwanted()?;
        self.licences.remove_unwanted()
    }

    fn release(&mut self, manifest: &Manifest) -> Result<Loaded<Release>> {
        let name = manifest.name.to_string();
        let version = manifest.version.to_string();
        let source = manifest.source.as_ref().map_or("workspace".to_owned(), |source| source.repr.clone());
        let package = self
            .packages
            .find_or_persist(name.clone(), || Package { name: name.clone(), ..Package::default() })?;
        let key = (name, version.clone(), source.clone());
        let release = self.releases.find_or_persist(key, || Release {
            package: package.into(),
            version,
            source,
            ..Release::default()
        })?;
        let mut edit = release.edit();
        edit.edition = manifest.edition.to_string();
        edit.description = manifest.description.clone();
        drop(edit);
        Ok(release)
    }

    fn features(&self, release: &Loaded<Release>, manifest: &Manifest, node: Option<&Node>) -> Result<()> {
        let features = release.features_ref().items()?.into_iter();
        let mut known = Known::new(&self.em, features.map(|feature| (feature.get().name.clone(), feature)));
        for (name, enables) in &manifest.features {
            let feature = known.find_or_persist(name.clone(), || Feature {
                release: release.into(),
                name: name.clone(),
                ..Feature::default()
            })?;
            let mut edit = feature.edit();
            edit.enables = enables.join(", ");
            edit.is_enabled = node.is_some_and(|node| node.features.iter().any(|on| **on == *name));
        }
        known.remove_unwanted()
    }

    fn targets(&self, release: &Loaded<Release>, manifest: &Manifest) -> Result<()> {
        let targets = release.targets_ref().items()?.into_iter().map(|entity| {
            let target = entity.get();
            ((target.kind.clone(), target.name.clone()), entity)
        });
        let mut known = Known::new(&self.em, targets);
        for target in &manifest.targets {
            let kind = target.kind.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let entity = known.find_or_persist((kind.clone(), target.name.clone()), || Target {
                release: release.into(),
                kind,
                name: target.name.clone(),
                ..Target::default()
            })?;
            entity.edit().edition = target.edition.to_string();
        }
        known.remove_unwanted()
    }

    fn authors(&mut self, release: &Loaded<Release>, manifest: &Manifest) -> Result<()> {
        let names: BTreeSet<&String> = manifest.authors.iter().collect();
        let authors = names.into_iter().map(|name| {
            self.authors.find_or_persist(name.clone(), || Author { name: name.clone(), ..Author::default() })
        });
        release.authors_ref().set(authors.collect::<Result<Vec<_>>>()?)
    }

    fn licences(&mut self, release: &Loaded<Release>, manifest: &Manifest) -> Result<()> {
        let identifiers = identifiers(manifest.license.as_deref().unwrap_or_default());
        let licences = identifiers.into_iter().map(|identifier| {
            let make = || Licence { identifier: identifier.clone(), ..Licence::default() };
            self.licences.find_or_persist(identifier.clone(), make)
        });
        release.licences_ref().set(licences.collect::<Result<Vec<_>>>()?)
    }
}

fn is_for_tests(dependency: &NodeDep) -> bool {
    dependency.dep_kinds.iter().all(|kind| kind.kind == DependencyKind::Development)
}

/// The licences of an SPDX expression, or of the older form with slashes, each once.
fn identifiers(expression: &str) -> BTreeSet<String> {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], "");
    let identifiers = expression.split(" OR ").flat_map(|some| some.split(" AND "));
    identifiers.map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
}
