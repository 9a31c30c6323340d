//! A live database against what the entities need: what was created needs no change, and whatever differs is found.

use orm_core::schema::{SchemaComparison, SchemaDiff};
use orm_core::{Error, OrmBuilder, Result};

use crate::fixtures::{
    account, archive, banquet, blog, capitals, circle, contest, diary, document, estate, folder, guild,
    household, keys, ledger, lexicon, library, minutes, misfit, named, newsroom, node, office, people,
    scalars, sketch, stock, tenancy, theatre, tiny, tree, volume,
};
use crate::{Backend, TestDb};

type Configure = fn(OrmBuilder) -> OrmBuilder;

/// Every model of the suite whose tables are made from its entities.
const MODELS: [(&str, Configure); 32] = [
    ("account", |orm| orm.entity::<account::Account>()),
    ("archive", |orm| orm.entity::<archive::Binder>()),
    ("banquet", banquet::entities),
    ("blog", blog::entities),
    ("capitals", |orm| orm.entity::<capitals::Country>()),
    ("circle", circle::entities),
    ("contest", contest::entities),
    ("diary", diary::entities),
    ("document", document::entities),
    ("estate", |orm| orm.entity::<estate::Estate>().entity::<estate::Cellar>()),
    ("folder", folder::entities),
    ("guild", |orm| orm.entity::<guild::Guild>()),
    ("household", household::entities),
    ("keys", keys::entities),
    ("ledger", |orm| orm.entity::<ledger::Bill>()),
    ("lexicon", lexicon::entities),
    ("library", library::entities),
    ("minutes", |orm| orm.entity::<minutes::Minutes>().entity::<minutes::Receipt>()),
    ("misfit", misfit::entities),
    ("named", |orm| {
        orm.entity::<named::BookShelf>().entity::<named::ArchiveBox>().naming_strategy(named::HouseRules)
    }),
    ("newsroom", |orm| orm.entity::<newsroom::Publisher>()),
    ("node", node::entities),
    ("office", office::entities),
    ("people", |orm| orm.entity::<people::Person>()),
    ("scalars", scalars::entities),
    ("sketch", sketch::entities),
    ("stock", |orm| orm.entity::<stock::Product>()),
    ("tenancy", |orm| orm.entity::<tenancy::Customer>()),
    ("theatre", theatre::entities),
    ("tiny", |orm| orm.entity::<tiny::Tiny>()),
    ("tree", |orm| orm.entity::<tree::Node>()),
    ("volume", |orm| orm.entity::<volume::Volume>()),
];

/// What `create` makes is what the comparison wants, to the word, and looking changes nothing.
pub async fn what_was_created_needs_no_change<B: Backend>() -> Result<()> {
    for (model, configure) in MODELS {
        let db = TestDb::open::<B>(configure).await?;
        assert_no_change(model, &db.orm.schema().diff().await?);
        assert_no_change(model, &db.orm.schema().diff().await?);
        assert_no_change(model, &db.orm.schema().update().allow_destructive().drop_unknown().await?);
    }
    Ok(())
}

/// An update of an empty database makes what `create` makes; taken back, nothing is left of it.
pub async fn an_update_of_an_empty_database_creates_it<B: Backend>() -> Result<()> {
    for (model, configure) in MODELS {
        let db = TestDb::open_without_tables::<B>(configure).await?;
        let done = db.orm.schema().update().await?;
        assert!(!done.is_empty() && !done.has_destructive(), "{model}: {done}");
        assert_no_change(model, &db.orm.schema().diff().await?);

        let back: Vec<&str> = done.safe().down.iter().map(String::as_str).collect();
        db.run(&back).await?;
        assert_eq!(db.orm.schema().diff().await?.statements(), done.statements(), "{model}");
    }
    Ok(())
}

/// What is read back into the model says all that was created from it.
pub async fn what_is_understood_is_what_was_created<B: Backend>() -> Result<()> {
    for (model, configure) in MODELS {
        let db = TestDb::open::<B>(configure).await?;
        let driver = db.orm.driver();
        let mut connection = driver.acquire().await.map_err(Error::other)?;
        let live = connection.read_schema(&[]).await.map_err(Error::other)?;
        let mut understood = driver.understand_schema(&live).map_err(Error::other)?;
        assert_eq!(understood.left_out, [], "{model}");
        // Where a database keeps no names of foreign keys, there are none.
        let tables = understood.schema.tables.iter_mut();
        let unnamed = tables.flat_map(|table| &mut table.foreign_keys).filter(|key| key.name.is_empty());
        unnamed.for_each(|key| key.name = "foreign".to_owned());
        let wanted = connection.describe_schema(&understood.schema).await.map_err(Error::other)?;
        let comparison = SchemaComparison { live, wanted, ..SchemaComparison::default() };
        assert_no_change(model, &driver.diff_schema(&comparison).map_err(Error::other)?);
    }
    Ok(())
}

fn assert_no_change(model: &str, diff: &SchemaDiff) {
    assert!(diff.is_empty(), "{model}:\n{diff}");
    assert_eq!(diff.all_statements(), [] as [String; 0], "{model}");
}
