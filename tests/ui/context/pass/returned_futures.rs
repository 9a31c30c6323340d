//! A returned future is wrapped, not only the call that makes it.
#![deny(warnings)]

use std::pin::Pin;
use std::rc::Rc;

use futures::future::{BoxFuture, LocalBoxFuture};
use orm_core::{ContextSource, EntityManager, create_request_context, ensure_request_context};

#[derive(Debug)]
pub struct Failed;

fn check(failed: bool) -> Result<(), Failed> {
    if failed { Err(Failed) } else { Ok(()) }
}

pub struct Reports {
    em: EntityManager,
    log: String,
}

impl ContextSource for Reports {
    fn context_manager(&self) -> EntityManager {
        self.em.clone()
    }
}

impl Reports {
    #[create_request_context]
    pub fn opaque(&self, failed: bool) -> impl Future<Output = Result<usize, Failed>> + Send {
        async move {
            check(failed)?;
            Ok(self.log.len())
        }
    }

    #[create_request_context]
    pub fn opaque_of_a_temporary(&self, count: &Rc<usize>) -> impl Future<Output = usize> + Send + use<> {
        let count = **count;
        async move { count }
    }

    #[create_request_context]
    pub fn lending(&mut self) -> impl Future<Output = &mut String> + Send {
        async { &mut self.log }
    }

    #[ensure_request_context]
    pub fn boxed<'a>(&'a self, name: &'a str) -> Pin<Box<dyn Future<Output = usize> + Send + 'a>> {
        if name.is_empty() {
            return Box::pin(std::future::ready(0));
        }
        Box::pin(async move { name.len() + self.log.len() })
    }

    #[ensure_request_context]
    pub fn boxed_lending(&mut self) -> Pin<Box<dyn Future<Output = &mut String> + Send + '_>> {
        Box::pin(async { &mut self.log })
    }

    #[ensure_request_context]
    pub fn named(&self) -> BoxFuture<'_, usize> {
        Box::pin(async { self.log.len() })
    }

    #[ensure_request_context]
    pub fn named_local(&self, count: Rc<usize>) -> LocalBoxFuture<'_, usize> {
        Box::pin(async move { self.log.len() + *count })
    }
}

pub trait Job {
    fn run<'life0, 'life1, 'async_trait>(
        &'life0 self,
        name: &'life1 str,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = Result<usize, Failed>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait;
}

/// What the attribute meets under `#[async_trait]`.
impl Job for Reports {
    #[create_request_context(self.em)]
    fn run<'life0, 'life1, 'async_trait>(
        &'life0 self,
        name: &'life1 str,
    ) -> ::core::pin::Pin<
        Box<dyn ::core::future::Future<Output = Result<usize, Failed>> + ::core::marker::Send + 'async_trait>,
    >
    where
        'life0: 'async_trait,
        'life1: 'async_trait,
        Self: 'async_trait,
    {
        Box::pin(async move {
            if let ::core::option::Option::Some(__ret) = ::core::option::Option::None::<Result<usize, Failed>>
            {
                return __ret;
            }
            let __self = self;
            let name = name;
            let __ret: Result<usize, Failed> = {
                check(name.is_empty())?;
                Ok(__self.log.len())
            };
            __ret
        })
    }
}

fn main() {}
