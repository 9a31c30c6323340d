//! An audit trail: rows that stay when they are deleted, and tenants who never see each other's.
//!
//! Needs nothing installed; the database is in memory. Every statement is printed when it was sent.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use orm_core::prelude::*;
use orm_core::{Filter, FilterContext, FilterReach};
use orm_sqlx::Sqlite;

/// Whose request it is. Set once, where the request comes in.
#[derive(Clone, Copy, Debug)]
struct CurrentTenant(i64);

/// Shows and writes the rows of the request's tenant alone.
struct OfTenant;

impl Filter<Account> for OfTenant {
    const NAME: &'static str = "tenant";
    const REACH: FilterReach = FilterReach::ReadsAndWrites;

    fn condition(&self, context: &FilterContext<'_>) -> Result<Option<Condition<Account>>> {
        let tenant = context.require::<CurrentTenant>()?;
        Ok(Some(Account::TENANT.eq(tenant.0)))
    }
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "accounts")]
#[entity(unique(tenant, owner, where = "deleted_at is null"))]
struct Account {
    #[entity(id, auto)]
    id: i64,
    tenant: i64,
    owner: String,
    /// In cents.
    balance: i64,
    #[entity(soft_delete)]
    deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    #[entity(mapped_by = "account")]
    entries: Collection<Entry>,
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(table = "entries")]
struct Entry {
    #[entity(id, auto)]
    id: i64,
    cents: i64,
    account: Ref<Account>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let database = Sqlite::options().memory().observer(orm_examples::print_statement).connect().await?;
    let orm = Orm::builder(database).entity::<Account>().filter::<Account, _>(OfTenant).build().await?;
    println!("Create the schema, in memory:");
    orm.schema().create().await?;

    for (tenant, owner) in [(1, "ann"), (2, "bob")] {
        println!("\nA request of tenant {tenant} opens an account:");
        let em = orm.em().fork();
        em.set(CurrentTenant(tenant))?;
        em.persist(Account {
            tenant,
            owner: owner.into(),
            balance: 100,
            entries: [Entry { cents: 100, ..Entry::default() }].into(),
            ..Account::default()
        })?;
        em.flush().await?;
    }

    println!("\nTenant 1 asks for all accounts, and sees its own:");
    let em = orm.em().fork();
    em.set(CurrentTenant(1))?;
    let accounts = em.find_all::<Account>().populate(Account::ENTRIES).await?;
    assert_eq!(accounts.len(), 1);
    let ann = &accounts[0];
    println!("  {} has {} cents in {} entry", ann.get().owner, ann.get().balance, ann.entries().len());

    println!("\nIt tries to open one in the name of tenant 2, and nothing is written:");
    let forged = em.persist(Account { tenant: 2, owner: "eve".into(), ..Account::default() })?;
    let refused = em.flush().await.map_or_else(|error| error.to_string(), |()| "it was written".into());
    println!("  {refused}");
    em.remove(&forged)?;

    println!("\nIt closes its account; the row stays, for the auditors:");
    em.remove(ann)?;
    em.flush().await?;
    assert!(em.find_by_id::<Account>(ann.id()).await?.is_none());

    println!("\nAn auditor asks for what is deleted, of every tenant:");
    let audit = orm.em().fork();
    audit.disable_filter::<OfTenant>()?;
    let all = audit.find_all::<Account>().with_deleted().order_by(Account::OWNER.asc()).await?;
    for account in &all {
        let account = account.get();
        let state = account.deleted_at.map_or("open", |_| "closed");
        println!("  tenant {}: {} ({state})", account.tenant, account.owner);
    }
    assert_eq!(all.len(), 2);

    println!("\nThe account was closed by mistake:");
    audit.restore(&all[0])?;
    audit.flush().await?;
    assert_eq!(em.count(Condition::<Account>::always()).await?, 1);
    Ok(())
}
