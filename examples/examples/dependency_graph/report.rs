//! What the stored graph tells, read through populated relations.
//!
//! Every part asks for what it reads. The parts share one context, so what one has loaded the next one finds there.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use std::cmp::Reverse;
use std::collections::HashMap;

use orm_core::{EntityManager, Loaded, Result};

use crate::model::{Licence, Package, Release};

/// Prints the whole report.
pub(crate) async fn print(em: &EntityManager) -> Result<()> {
    most_depended_upon(em).await?;
    duplicates(em).await?;
    longest_chain(em).await?;
    licences(em).await
}

async fn most_depended_upon(em: &EntityManager) -> Result<()> {
    let packages = em.find_all::<Package>().populate(Package::RELEASES.then(Release::DEPENDENTS)).await?;
    let mut counts: Vec<(usize, String)> = packages
        .iter()
        .map(|package| {
            let dependents = package.releases().iter().map(|release| release.dependents().len()).sum();
            (dependents, package.get().name.clone())
        })
        .collect();
    counts.sort_by_key(|(count, name)| (Reverse(*count), name.clone()));
    println!("\nMost depended upon:");
    for (count, name) in counts.iter().take(10) {
        println!("  {count:>3}  {name}");
    }
    Ok(())
}

async fn duplicates(em: &EntityManager) -> Result<()> {
    let packages = em.find_all::<Package>().populate(Package::RELEASES).order_by(Package::NAME.asc()).await?;
    println!("\nIn more than one version:");
    for package in packages.iter().filter(|package| package.releases().len() > 1) {
        let releases = package.releases();
        let versions: Vec<String> = releases.iter().map(|release| release.get().version.clone()).collect();
        println!("  {} {}", package.get().name, versions.join(", "));
    }
    Ok(())
}

async fn longest_chain(em: &EntityManager) -> Result<()> {
    let releases = em.find_all::<Release>().populate((Release::PACKAGE, Release::DEPENDENCIES)).await?;
    let mut chains = Chains::default();
    let mut longest = (0, None);
    for release in &releases {
        let release = release.without_hints();
        let length = chains.length(&release)?;
        if length > longest.0 {
            longest = (length, Some(release));
        }
    }
    println!("\nLongest chain of dependencies:");
    let mut next = longest.1;
    while let Some(release) = next {
        let package = release.package_ref().get()?;
        println!("  {} {}", package.get().name, release.get().version);
        next = chains.next.remove(&release).flatten();
    }
    Ok(())
}

/// For each release the length of the longest chain below it, and where that goes on. Handles are hashed by identity.
#[derive(Default)]
struct Chains {
    lengths: HashMap<Loaded<Release>, usize>,
    next: HashMap<Loaded<Release>, Option<Loaded<Release>>>,
}

impl Chains {
    fn length(&mut self, release: &Loaded<Release>) -> Result<usize> {
        if let Some(length) = self.lengths.get(release) {
            return Ok(*length);
        }
        // Cargo allows no circle here; should the data have one, it is cut where it closes.
        self.lengths.insert(release.clone(), 1);
        let mut longest = (1, None);
        for dependency in release.dependencies_ref().items()? {
            let length = 1 + self.length(&dependency)?;
            if length > longest.0 {
                longest = (length, Some(dependency));
            }
        }
        self.lengths.insert(release.clone(), longest.0);
        self.next.insert(release.clone(), longest.1);
        Ok(longest.0)
    }
}

async fn licences(em: &EntityManager) -> Result<()> {
    let mut licences = em.find_all::<Licence>().populate(Licence::RELEASES).await?;
    licences.sort_by_key(|licence| (Reverse(licence.releases().len()), licence.get().identifier.clone()));
    println!("\nLicences, by the number of releases that name them:");
    for licence in licences {
        println!("  {:>3}  {}", licence.releases().len(), licence.get().identifier);
    }
    Ok(())
}
