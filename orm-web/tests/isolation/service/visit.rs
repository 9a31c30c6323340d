//! One request in its handler: what is checked at the start and on the way, and what is noted of its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use orm_core::{Condition, Entity, EntityManager, InCurrentContext, Loaded};

use super::{Service, number};
use crate::breaks::Break;
use crate::ledger::Fact;
use crate::library::{Author, Book, Visitor};
use crate::plan::{Plan, Random};
use crate::witness::Check;

/// What a planned panic carries.
pub(crate) struct Planned;

/// An extractor. Dropped before `finish`, it notes a panic, or that the client has cut the handler off.
pub(crate) struct Visit {
    pub(crate) service: Arc<Service>,
    pub(crate) plan: Plan,
    pub(crate) random: Random,
    /// Of the context.
    pub(crate) context: u64,
    places: u32,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting,
    Begun,
    Finished,
}

impl FromRequestParts<Arc<Service>> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(head: &mut Parts, service: &Arc<Service>) -> Result<Self, StatusCode> {
        let plan = Plan::of(service.seed, number(head, "request")?);
        Ok(Self {
            service: Arc::clone(service),
            random: plan.random(),
            plan,
            context: 0,
            places: 0,
            state: State::Waiting,
        })
    }
}

impl Visit {
    /// The global manager.
    pub(crate) fn em(&self) -> &EntityManager {
        self.service.orm.em()
    }

    /// The number of the request, as entities have it.
    pub(crate) fn number(&self) -> i64 {
        self.plan.request.try_into().unwrap_or(i64::MAX)
    }

    /// The handler begins: its context has to be as new.
    pub(crate) fn begin(&mut self) {
        let (service, request) = (&self.service, self.plan.request);
        self.state = State::Begun;
        service.ledger.note(request, Fact::Begun);
        let now = service.busy.now.fetch_add(1, Ordering::SeqCst) + 1;
        service.busy.most.fetch_max(now, Ordering::SeqCst);

        let em = service.orm.em();
        self.context = em.id();
        let managed = em.managed_count();
        self.check(Check::FreshIdentityMap, matches!(managed, Ok(0)), || {
            format!("request {request} begins with {managed:?} entities")
        });
        let visitor = em.get::<Visitor>();
        let is_own = visitor.is_some_and(|visitor| {
            visitor.request == request && !visitor.is_entered.swap(true, Ordering::SeqCst)
        });
        let is_new = service.numbered.is_new(self.context);
        self.check(Check::OwnContext, is_own && is_new == Some(true), || {
            format!("context {} of request {request}: new {is_new:?}, its values {is_own}", self.context)
        });
        self.check(Check::NoTransactionAtStart, !em.is_in_transaction(), || format!("request {request}"));
        if service.breaks == Some(Break::KeptContext) && request.is_multiple_of(10) {
            tokio::spawn(std::future::pending::<()>().in_current_context());
        }
    }

    /// The handler has come to its end.
    pub(crate) fn finish(mut self) -> String {
        self.is_still_in_its_context();
        self.state = State::Finished;
        self.service.ledger.note(self.plan.request, Fact::Finished);
        self.greeting()
    }

    /// What every response begins with.
    pub(crate) fn greeting(&self) -> String {
        greeting(&self.plan)
    }

    /// A place where the handler may panic, and others run meanwhile.
    pub(crate) async fn pause(&mut self) {
        self.may_panic();
        match self.random.below(8) {
            0 => {}
            1..5 => tokio::task::yield_now().await,
            _ => tokio::time::sleep(Duration::from_micros(self.random.below(2_500))).await,
        }
        self.is_still_in_its_context();
    }

    /// The same while others wait for the transaction to end.
    pub(crate) async fn short_pause(&mut self) {
        self.may_panic();
        match self.random.below(16) {
            0 => tokio::time::sleep(Duration::from_micros(500)).await,
            _ => tokio::task::yield_now().await,
        }
    }

    /// Tells the client, which hangs up if it waits for that.
    pub(crate) fn about_to_save(&self) {
        if let Some(client) = self.service.waiting.lock().remove(&self.plan.request) {
            // One that was stuck has gone.
            let _ = client.send(());
        }
    }

    fn may_panic(&mut self) {
        let place = self.places;
        self.places += 1;
        if self.plan.panics_at == Some(place) {
            std::panic::panic_any(Planned);
        }
    }

    fn is_still_in_its_context(&self) {
        let (em, request) = (self.em(), self.plan.request);
        let is_own = em.get::<Visitor>().is_some_and(|visitor| visitor.request == request);
        self.check(Check::OwnContext, is_own && em.id() == self.context, || {
            format!("request {request} of context {} goes on in {}", self.context, em.id())
        });
    }

    pub(crate) fn check(&self, check: Check, holds: bool, problem: impl FnOnce() -> String) -> bool {
        self.service.witness.check(check, holds, problem)
    }

    /// An entity that this request read, edited by it or not.
    pub(crate) fn sees<T: OfTenants, P: 'static>(&self, entity: &Loaded<T, P>) {
        let (tenant, mark) = entity.get().tenant_and_mark();
        let plan = &self.plan;
        self.check(Check::OwnTenant, tenant == plan.tenant, || {
            format!("request {} of tenant {} sees one of {tenant}", plan.request, plan.tenant)
        });
        self.check(Check::OwnEdits, mark == 0 || mark == self.number(), || {
            format!("request {} sees the mark of {mark}", plan.request)
        });
    }

    /// As many as the tenant has, all of them its own.
    pub(crate) fn sees_all<T: OfTenants, P: 'static>(&self, entities: &[Loaded<T, P>], expected: usize) {
        entities.iter().for_each(|entity| self.sees(entity));
        self.check(Check::OwnTenant, entities.len() == expected, || {
            format!("request {} sees {} instead of {expected}", self.plan.request, entities.len())
        });
    }

    /// Puts the request's number on an author, for itself alone.
    pub(crate) fn mark(&self, author: &Loaded<Author, impl Sized + 'static>) {
        author.edit().mark = self.number();
    }

    /// The condition for one of the books, by its title alone.
    pub(crate) fn some_book(&mut self) -> Condition<Book> {
        Book::TITLE.eq(self.some_title())
    }

    pub(crate) fn some_title(&mut self) -> String {
        let (authors, titles) = (crate::library::AUTHORS, crate::library::TITLES);
        let author = authors[pick(&mut self.random, authors.len())];
        crate::library::title(author, titles[pick(&mut self.random, titles.len())])
    }
}

/// What the response to a request begins with.
pub(crate) fn greeting(plan: &Plan) -> String {
    format!("request {} of tenant {}:", plan.request, plan.tenant)
}

fn pick(random: &mut Random, end: usize) -> usize {
    usize::try_from(random.below(end as u64)).unwrap_or(0)
}

impl Drop for Visit {
    fn drop(&mut self) {
        if self.state == State::Waiting {
            self.service.waiting.lock().remove(&self.plan.request);
            return;
        }
        let service = &self.service;
        service.busy.now.fetch_sub(1, Ordering::SeqCst);
        service.waiting.lock().remove(&self.plan.request);
        if self.state == State::Begun {
            let fact = if std::thread::panicking() { Fact::Panicked } else { Fact::CutOff };
            service.ledger.note(self.plan.request, fact);
        }
    }
}

/// What is of a tenant and can be marked.
pub(crate) trait OfTenants: Entity {
    fn tenant_and_mark(&self) -> (i64, i64);
}

impl OfTenants for Author {
    fn tenant_and_mark(&self) -> (i64, i64) {
        (self.tenant, self.mark)
    }
}

impl OfTenants for Book {
    fn tenant_and_mark(&self) -> (i64, i64) {
        (self.tenant, self.mark)
    }
}
