//! Entities that do not fit together are refused when the ORM is built: each refusal names entity and field and says
//! what to change. Nothing is sent.

use orm_core::driver::Driver;
use orm_core::{Error, OrmBuilder, Result};

use crate::fixtures::wrong::{
    NoColumn, NoTable, join_columns, long, one_column, one_name, one_table, pivots, two_inverses,
};
use crate::{Backend, TestDb};

type Configure = fn(OrmBuilder) -> OrmBuilder;

/// Two entities on one table.
pub async fn two_entities_on_one_table_are_refused<B: Backend>() -> Result<()> {
    let both = |builder: OrmBuilder| builder.entity::<one_table::Employee>().entity::<one_table::Customer>();
    refused::<B>(both, &["Customer", "Employee", "`People`", "table = "]).await;
    let one = |builder: OrmBuilder| builder.entity::<one_table::Employee>().entity::<one_table::Employee>();
    TestDb::open::<B>(one).await.map(drop)
}

/// Two structs of one name.
pub async fn two_entities_of_one_name_are_refused<B: Backend>() -> Result<()> {
    let both = |builder: OrmBuilder| {
        builder.entity::<one_name::here::Account>().entity::<one_name::there::Account>()
    };
    refused::<B>(both, &["Account", "rename"]).await;
    Ok(())
}

/// Two properties on one column, capitals or not, one of them a foreign key or not.
pub async fn two_fields_on_one_column_are_refused<B: Backend>() -> Result<()> {
    let names = ["Invoice.net", "Invoice.total", "column = "];
    refused::<B>(OrmBuilder::entity::<one_column::Invoice>, &names).await;
    let names = ["Payment.invoice ", "Payment.invoice_id", "`invoice_id`"];
    refused::<B>(OrmBuilder::entity::<one_column::Payment>, &names).await;
    Ok(())
}

/// Join columns of another number than the key has.
pub async fn a_wrong_number_of_join_columns_is_refused<B: Backend>() -> Result<()> {
    let names = ["Ticket.seat", "Seat has 2", "1 join column"];
    refused::<B>(OrmBuilder::entity::<join_columns::Ticket>, &names).await;
    let names = ["Group.seats", "Seat", "1 pivot column"];
    refused::<B>(OrmBuilder::entity::<join_columns::Group>, &names).await;
    Ok(())
}

/// Two other sides of one relation.
pub async fn two_inverse_sides_of_one_relation_are_refused<B: Backend>() -> Result<()> {
    refused::<B>(OrmBuilder::entity::<two_inverses::Album>, &["Song.album", "two fields"]).await;
    Ok(())
}

/// Pivots that collide with a table, or with themselves.
pub async fn a_pivot_that_collides_is_refused<B: Backend>() -> Result<()> {
    refused::<B>(OrmBuilder::entity::<pivots::Dish>, &["Dish.herbs", "`herb`", "Herb", "pivot_table"]).await;
    refused::<B>(OrmBuilder::entity::<pivots::Guest>, &["Guest.friends", "inverse_join_column"]).await;
    Ok(())
}

/// A table or column without a name, or with one that no database can have.
pub async fn an_entity_without_a_table_name_is_refused<B: Backend>() -> Result<()> {
    let named = |name| {
        move |builder: OrmBuilder| builder.entity::<one_table_free::Plain>().naming_strategy(NoTable(name))
    };
    refused::<B>(named(""), &["Plain", "no table name"]).await;
    refused::<B>(named("a\0b"), &["Plain", "control"]).await;
    let nameless = |builder: OrmBuilder| builder.entity::<one_table_free::Plain>().naming_strategy(NoColumn);
    refused::<B>(nameless, &["Plain", "column"]).await;
    Ok(())
}

/// A name that the database has no room for, wherever it is; where it has room, the tables are made.
pub async fn a_name_beyond_the_limit_is_refused<B: Backend>() -> Result<()> {
    let limit = B::connect().await?.capabilities().identifier_length;
    let cases: [(Configure, &str, &[&str]); 9] = [
        (OrmBuilder::entity::<long::Fitting>, long::FITTING, &[]),
        (OrmBuilder::entity::<long::Table>, long::SIXTY_FOUR, &["Table:", "its table", "(table = "]),
        (OrmBuilder::entity::<long::TwoBytes>, long::TWO_BYTES, &["TwoBytes.short", "`column = "]),
        (OrmBuilder::entity::<long::Column>, long::TOO_LONG, &["Column.short", "its column", "`column = "]),
        (OrmBuilder::entity::<long::Reference>, long::TOO_LONG, &["Reference.other", "`join_column = "]),
        (OrmBuilder::entity::<long::Index>, long::TOO_LONG, &["Index:", "its index", "`unique(.., name = "]),
        (OrmBuilder::entity::<long::Check>, long::TOO_LONG, &["Check.a", "its check", "`check(name = "]),
        (OrmBuilder::entity::<long::Pivot>, long::TOO_LONG, &["Pivot.others", "`pivot_table = "]),
        (
            OrmBuilder::entity::<long::PivotColumn>,
            long::TOO_LONG,
            &["PivotColumn.others", "`inverse_join_column = "],
        ),
    ];
    for (configure, name, words) in cases {
        match limit.exceeded_by(name) {
            Some(longest) => refused::<B>(configure, &[words, &[name, longest.as_str()]].concat()).await,
            None => TestDb::open::<B>(configure).await?.orm.schema().drop().await?,
        }
    }
    Ok(())
}

/// A model that is right but for the names that a strategy gives it.
mod one_table_free {
    use orm_core::Entity;

    #[derive(Entity, Clone, Debug, Default)]
    pub(super) struct Plain {
        #[entity(id, auto)]
        pub(super) id: i64,
    }
}

/// Using an entity that the ORM was not built with says which line to add.
pub async fn an_unknown_entity_is_refused_by_name<B: Backend>() -> Result<()> {
    let db = TestDb::open::<B>(OrmBuilder::entity::<one_table::Employee>).await?;
    let em = db.em();
    let errors = [
        em.persist(one_table::Customer::default()).map(drop),
        em.merge(one_table::Customer { id: 1 }).map(drop),
        em.get_reference::<one_table::Customer>(1).map(drop),
        em.find_all::<one_table::Customer>().await.map(drop),
        em.find_by_id::<one_table::Customer>(1).await.map(drop),
        em.count(one_table::Customer::ID.eq(1)).await.map(drop),
        em.find_all::<one_table::Customer>().populate_path("x").map(drop),
    ];
    for error in errors {
        let error = error.expect_err("it is unknown");
        assert!(matches!(error, Error::UnknownEntity { entity: "Customer" }), "{error:?}");
        assert!(error.to_string().contains(".entity::<Customer>()"), "{error}");
    }
    assert_eq!(db.statements(), 0);
    Ok(())
}

async fn refused<B: Backend>(configure: impl FnOnce(OrmBuilder) -> OrmBuilder, words: &[&str]) {
    match TestDb::open_without_tables::<B>(configure).await {
        Ok(_) => panic!("it was built, without a word of {words:?}"),
        Err(Error::Metadata { problem }) => {
            for word in words {
                assert!(problem.contains(word), "{word:?} is not in: {problem}");
            }
        }
        Err(error) => panic!("{error:?}"),
    }
}
