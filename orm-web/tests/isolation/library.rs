//! Libraries of several tenants in one database, with the same authors and titles in each of them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use orm_core::prelude::*;
use orm_core::{Filter, FilterContext, FilterReach};

use crate::census::Mark;
use crate::witness::{Check, Witness};

pub(crate) const TENANTS: i64 = 8;
pub(crate) const AUTHORS: [&str; 4] = ["Borges", "Calvino", "Le Guin", "Lem"];
/// By each author.
pub(crate) const TITLES: [&str; 5] = ["Essays", "Letters", "Poems", "Stories", "Travels"];
/// Of each book, at the start.
pub(crate) const COPIES: i64 = 1_000;

#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Author {
    #[entity(id, auto)]
    pub(crate) id: i64,
    pub(crate) tenant: i64,
    pub(crate) name: String,
    /// 0 in the database always. Requests put their number here and never save it.
    pub(crate) mark: i64,
    #[entity(mapped_by = "author", order_by = "title")]
    pub(crate) books: Collection<Book>,
}

#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Book {
    #[entity(id, auto)]
    pub(crate) id: i64,
    pub(crate) tenant: i64,
    pub(crate) title: String,
    pub(crate) copies: i64,
    /// As an author's.
    pub(crate) mark: i64,
    pub(crate) author: Ref<Author>,
}

/// Copies that went from one book to another.
#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Transfer {
    /// The number of the request.
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) tenant: i64,
    pub(crate) copies: i64,
    /// Whether its transaction goes on: never committed with it.
    pub(crate) is_pending: bool,
    pub(crate) source: Ref<Book>,
    pub(crate) target: Ref<Book>,
}

/// What somebody wrote on a book.
#[derive(Entity, Clone, Debug, Default)]
pub(crate) struct Note {
    /// The number of the request.
    #[entity(id)]
    pub(crate) id: i64,
    pub(crate) tenant: i64,
    pub(crate) text: String,
    pub(crate) book: Ref<Book>,
}

/// The title of a book: the same in the library of every tenant.
pub(crate) fn title(author: &str, title: &str) -> String {
    format!("{title} of {author}")
}

/// Who a context is for: a value of the request.
pub(crate) struct Visitor {
    pub(crate) request: usize,
    pub(crate) tenant: i64,
    /// Whether a handler has begun in it.
    pub(crate) is_entered: AtomicBool,
    pub(crate) _mark: Mark,
}

/// Shows and writes what is of one tenant.
#[derive(Clone)]
pub(crate) struct OfTenant {
    /// The parameter. None at the start, which finds nothing.
    pub(crate) tenant: i64,
    pub(crate) witness: Arc<Witness>,
}

impl OfTenant {
    /// Whether the parameter is that of the request whose query asks.
    fn verify(&self, context: &FilterContext<'_>) -> Result<()> {
        let visitor = context.require::<Visitor>()?;
        self.witness.check(Check::FilterParameter, visitor.tenant == self.tenant, || {
            format!("request {} of tenant {} has {}", visitor.request, visitor.tenant, self.tenant)
        });
        Ok(())
    }
}

macro_rules! of_tenant {
    ($($entity:ident),+) => {$(
        impl Filter<$entity> for OfTenant {
            const NAME: &'static str = "of_tenant";
            const REACH: FilterReach = FilterReach::ReadsAndWrites;

            fn condition(&self, context: &FilterContext<'_>) -> Result<Option<Condition<$entity>>> {
                self.verify(context)?;
                Ok(Some($entity::TENANT.eq(self.tenant)))
            }
        }
    )+};
}

of_tenant!(Author, Book, Transfer, Note);

/// An ORM over an empty database, with the tables and what every tenant has at the start.
pub(crate) async fn open(
    driver: impl orm_core::driver::Driver,
    witness: &Arc<Witness>,
    patience: Duration,
    is_guarded: bool,
) -> Result<Orm> {
    let filter = OfTenant { tenant: 0, witness: Arc::clone(witness) };
    let orm = Orm::builder(driver)
        .entity::<Transfer>()
        .entity::<Note>()
        .filter::<(Author, Book, Transfer, Note), _>(filter)
        .wait_timeout(patience)
        .allow_global_context(!is_guarded)
        .build()
        .await?;
    orm.schema().create().await?;
    let em = orm.em().fork();
    em.disable_filters()?;
    for tenant in 1..=TENANTS {
        for name in AUTHORS {
            let author = em.persist(Author { tenant, name: name.into(), ..Author::default() })?;
            for one in TITLES {
                let title = title(name, one);
                let author = author.to_ref();
                em.persist(Book { tenant, title, copies: COPIES, author, ..Book::default() })?;
            }
        }
    }
    em.flush().await?;
    Ok(orm)
}
