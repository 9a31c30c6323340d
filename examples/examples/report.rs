//! Reports on the dependency graph of a workspace, as JSON: aggregates, groups and pages, computed by the database.
//!
//! `cargo run -p orm-examples --example report [FILE]`. FILE is a database that the example `dependency_graph` made;
//! without it, this workspace's graph is put into memory first. The last line says how many statements the report took.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

#[path = "dependency_graph/import.rs"]
mod import;
#[path = "dependency_graph/known.rs"]
mod known;
#[path = "dependency_graph/model.rs"]
mod model;
#[path = "dependency_graph/workspace.rs"]
mod workspace;

use std::path::PathBuf;

use orm_core::prelude::*;
use orm_core::{FromRow, Page, count_rows};
use orm_sqlx::{Sqlite, StatementCounter};
use serde::Serialize;
use serde_json::{Value, json};

use import::Importer;
use model::{Feature, Package, Release};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let statements = StatementCounter::new();
    let orm = open(std::env::args_os().nth(1).map(PathBuf::from), &statements).await?;
    statements.reset();

    let em = orm.em().fork();
    let report = json!({
        "totals": totals(&em).await?,
        "editions": editions(&em).await?,
        "most_features": most_features(&em).await?,
        "several_versions": several_versions(&em).await?,
        "releases_by_number_of_dependencies": by_number_of_dependencies(&em).await?,
        "most_depended_upon": most_depended_upon(&em).await?,
        "workspace": of_workspace(&em).await?,
        "packages": packages(&em).await?,
    });
    println!("{report:#}");
    println!("{} statements", statements.count());
    Ok(())
}

/// The database in `file`, or one in memory with the graph of this workspace.
async fn open(
    file: Option<PathBuf>,
    statements: &StatementCounter,
) -> Result<Orm, Box<dyn std::error::Error>> {
    let options = Sqlite::options().observer(statements.observer());
    let Some(file) = file else {
        let orm = Orm::builder(options.memory().connect().await?).entity::<Package>().build().await?;
        orm.schema().create().await?;
        let em = orm.em().fork();
        Importer::load(&em).await?.import(&workspace::read()?)?;
        em.flush().await?;
        return Ok(orm);
    };
    if !file.exists() {
        let file = file.display();
        return Err(format!("there is no {file}; make it by `--example dependency_graph -- {file}`").into());
    }
    Ok(Orm::builder(options.path(&file).connect().await?).entity::<Package>().build().await?)
}

/// Aggregates over all rows: one row.
async fn totals(em: &EntityManager) -> Result<Value> {
    let (releases, packages, sources) = em
        .find_all::<Release>()
        .select((count_rows(), Release::PACKAGE.key().count_distinct(), Release::SOURCE.count_distinct()))
        .one_or_fail()
        .await?;
    let (features, longest) = em
        .find_all::<Feature>()
        .select((count_rows(), Feature::ENABLES.length().max()))
        .one_or_fail()
        .await?;
    Ok(json!({
        "packages": packages,
        "releases": releases,
        "sources": sources,
        "features": features,
        "longest_feature": longest,
    }))
}

/// One row a group, in the order of an aggregate.
async fn editions(em: &EntityManager) -> Result<Vec<Value>> {
    let editions = em
        .find_all::<Release>()
        .select((Release::EDITION, count_rows(), Release::DESCRIPTION.length().avg()))
        .group_by(Release::EDITION)
        .order_by(count_rows().desc())
        .await?;
    let edition = |(edition, releases, mean): (String, i64, Option<f64>)| json!({ "edition": edition, "releases": releases, "mean_length_of_description": mean });
    Ok(editions.into_iter().map(edition).collect())
}

/// Groups by a field two relations away, and those of them that an aggregate chooses.
async fn most_features(em: &EntityManager) -> Result<Vec<Value>> {
    let package = || Feature::RELEASE.field(Release::PACKAGE.field(Package::NAME));
    let packages = em
        .find(Feature::NAME.ne("default"))
        .select((package(), count_rows()))
        .group_by(package())
        .having(count_rows().gte(10))
        .order_by((count_rows().desc(), package().asc()))
        .limit(5)
        .await?;
    Ok(packages
        .into_iter()
        .map(|(package, features)| json!({ "package": package, "features": features }))
        .collect())
}

/// Packages that the graph has more than once.
async fn several_versions(em: &EntityManager) -> Result<Vec<Value>> {
    let package = || Release::PACKAGE.field(Package::NAME);
    let several = em
        .find_all::<Release>()
        .select((
            package(),
            Release::VERSION.count_distinct(),
            Release::VERSION.min(),
            Release::VERSION.max(),
        ))
        .group_by(package())
        .having(Release::VERSION.count_distinct().gt(1))
        .order_by((Release::VERSION.count_distinct().desc(), package().asc()))
        .await?;
    let versions = |(package, versions, one, another): (
        Option<String>,
        i64,
        Option<String>,
        Option<String>,
    )| { json!({ "package": package, "versions": versions, "such_as": [one, another] }) };
    Ok(several.into_iter().map(versions).collect())
}

/// How many releases need so many others.
#[derive(FromRow, Serialize)]
struct Needing {
    dependencies: i64,
    releases: i64,
}

/// Groups of groups: what expressions can't say, SQL can.
async fn by_number_of_dependencies(em: &EntityManager) -> Result<Vec<Needing>> {
    let text = "select dependencies, count(*) as releases from ( \
                    select count(link.dependency_id) as dependencies from release \
                    left join release_dependencies as link on link.dependent_id = release.id \
                    group by release.id \
                ) as each_release \
                group by dependencies having count(*) >= {} order by dependencies";
    em.sql(text, (2,)).fetch_as().await
}

/// Entities with a number beside each: a statement for them, one for the numbers, and one for their packages.
async fn most_depended_upon(em: &EntityManager) -> Result<Vec<Value>> {
    let needed = Release::DEPENDENTS.some(Condition::always());
    let releases = em.find(needed).populate(Release::PACKAGE).with_count(Release::DEPENDENTS).await?;
    let mut rows: Vec<_> = releases
        .iter()
        .map(|release| {
            (release.count_of(Release::DEPENDENTS), release.package().get().name.clone(), release.get())
        })
        .collect();
    rows.sort_by(|one, other| (other.0, &one.1).cmp(&(one.0, &other.1)));
    let rows = rows.iter().take(10).map(|(dependents, package, release)| {
        json!({ "package": package, "version": release.version, "dependents": dependents })
    });
    Ok(rows.collect())
}

/// A release without what the list does not show.
#[derive(View, Serialize)]
#[view(of = Release)]
struct ReleaseLine {
    version: String,
    description: Option<String>,
    #[view(nested)]
    package: PackageLine,
}

/// What a release says of its package.
#[derive(View, Serialize)]
#[view(of = Package)]
struct PackageLine {
    name: String,
}

/// Structs of chosen columns, joined, which are no entities.
async fn of_workspace(em: &EntityManager) -> Result<Vec<ReleaseLine>> {
    let here = em.find(Release::SOURCE.eq("workspace")).view::<ReleaseLine>();
    here.order_by(Release::PACKAGE.order(Package::NAME.asc())).await
}

/// A page and the one after it, as a client gets them who sends the cursor back.
async fn packages(em: &EntityManager) -> Result<Vec<Page<Loaded<Package>>>> {
    let by_name = || em.find(Package::NAME.starts_with("s")).order_by(Package::NAME.asc()).page(3);
    let first = by_name().await?;
    let next = match &first.end_cursor {
        Some(cursor) if first.has_next => Some(by_name().after(cursor)?.await?),
        Some(_) | None => None,
    };
    Ok([Some(first), next].into_iter().flatten().collect())
}
