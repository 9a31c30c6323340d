//! An audit trail: rows that say who wrote them last, that stay when they are deleted, and tenants who never see each
//! other's.
//!
//! Needs nothing installed; the database is in memory. Every statement is printed when it was sent.

#![expect(clippy::print_stdout, reason = "examples show what they do")]

use orm_core::prelude::*;
use orm_core::{EntityHooks, Filter, FilterContext, FilterReach, HookContext};
use orm_sqlx::Sqlite;

/// Whose request it is. Set once, where the request comes in.
#[derive(Clone, Copy, Debug)]
struct CurrentTenant(i64);

/// Who is at work. Set where the request comes in, too.
#[derive(Clone, Copy, Debug)]
struct CurrentUser(&'static str);

/// Made for every row that is written: there is no other way to fill the columns, and nobody can forget to.
fn current_user(cx: &HookContext<'_>) -> Option<String> {
    cx.get::<CurrentUser>().map(|user| user.0.to_owned())
}

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
#[entity(hooks)]
struct Account {
    #[entity(id, auto)]
    id: i64,
    tenant: i64,
    owner: String,
    /// In cents.
    balance: i64,
    #[entity(on_create = current_user)]
    created_by: Option<String>,
    #[entity(on_create = current_user, on_update = current_user)]
    updated_by: Option<String>,
    #[entity(soft_delete)]
    deleted_at: Option<chrono::DateTime<chrono::Utc>>,
    deleted_by: Option<String>,
    #[entity(mapped_by = "account")]
    entries: Collection<Entry>,
}

impl EntityHooks for Account {
    /// Written by the statement that sets the time.
    fn before_delete(&mut self, cx: &HookContext<'_>) -> Result<()> {
        self.deleted_by = current_user(cx);
        Ok(())
    }
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
        em.set(CurrentUser(owner))?;
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
    em.set(CurrentUser("carl"))?;
    let accounts = em.find_all::<Account>().populate(Account::ENTRIES).await?;
    assert_eq!(accounts.len(), 1);
    let ann = &accounts[0];
    println!("  {} has {} cents in {} entry", ann.get().owner, ann.get().balance, ann.entries().len());

    println!("\nIt tries to open one in the name of tenant 2, and nothing is written:");
    let forged = em.persist(Account { tenant: 2, owner: "eve".into(), ..Account::default() })?;
    let refused = em.flush().await.map_or_else(|error| error.to_string(), |()| "it was written".into());
    println!("  {refused}");
    em.remove(&forged)?;

    println!("\nCarl books for it, and Dora without loading anything:");
    ann.edit().balance += 50;
    em.flush().await?;
    assert_eq!(ann.get().updated_by.as_deref(), Some("carl"));
    em.set(CurrentUser("dora"))?;
    em.update_many(Account::BALANCE.gt(0)).set(Account::BALANCE, 0).await?;
    em.refresh(ann).await?;
    assert_eq!(ann.get().created_by.as_deref(), Some("ann"));
    assert_eq!(ann.get().updated_by.as_deref(), Some("dora"));

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
        let users = [&account.created_by, &account.updated_by, &account.deleted_by];
        let [created, updated, deleted] = users.map(|user| user.as_deref().unwrap_or("nobody"));
        println!("  tenant {}: {} ({state})", account.tenant, account.owner);
        println!("    opened by {created}, changed by {updated}, closed by {deleted}");
    }
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].get().deleted_by.as_deref(), Some("dora"));

    println!("\nThe account was closed by mistake:");
    audit.restore(&all[0])?;
    all[0].edit().deleted_by = None;
    audit.flush().await?;
    assert_eq!(em.count(Condition::<Account>::always()).await?, 1);
    Ok(())
}
