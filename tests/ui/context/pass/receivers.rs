//! Every way to take `self`, arguments and generics.
#![deny(warnings)]

use std::fmt::Display;
use std::pin::Pin;
use std::sync::Arc;

use orm_core::{ContextSource, EntityManager, create_request_context, ensure_request_context};

pub struct Reports<T> {
    em: EntityManager,
    last: T,
    log: String,
}

impl<T: Send + Sync> ContextSource for Reports<T> {
    fn context_manager(&self) -> EntityManager {
        self.em.clone()
    }
}

impl<T: Clone + Send + Sync> Reports<T> {
    #[create_request_context]
    pub async fn by_reference(&self, name: &str) -> usize {
        name.len() + self.log.len()
    }

    #[create_request_context]
    pub async fn by_mutable_reference<'a>(&mut self, name: &'a mut String) -> &'a str {
        self.last = self.last.clone();
        name.push('!');
        name
    }

    #[create_request_context]
    pub async fn lending(&mut self) -> &mut T {
        &mut self.last
    }

    #[create_request_context]
    pub async fn by_value(self) -> T {
        self.last
    }

    #[create_request_context]
    pub async fn by_mutable_value(mut self) -> String {
        self.log.push('!');
        self.log
    }

    #[create_request_context]
    pub async fn shared(self: Arc<Self>) -> usize {
        self.log.len()
    }

    #[create_request_context]
    pub async fn boxed(self: Box<Self>) -> T {
        self.last
    }

    #[create_request_context]
    pub async fn pinned(self: Pin<&mut Self>) -> usize {
        self.log.len()
    }

    #[create_request_context]
    pub async fn patterns(&self, (a, _): (u8, u8), [b, ..]: [u8; 3], _: String) -> u8 {
        a + b
    }

    #[ensure_request_context]
    pub async fn generic<U, const N: usize>(&self, value: U, rest: [U; N]) -> usize
    where
        U: Display + Send,
    {
        value.to_string().len() + rest.len()
    }

    #[ensure_request_context]
    pub async fn opaque_argument(&self, value: impl Into<String> + Send) -> String {
        value.into()
    }

    #[ensure_request_context]
    pub async fn closure_argument(&self, work: impl AsyncFn(usize) -> bool) -> bool {
        work(self.log.len()).await
    }

    #[ensure_request_context]
    pub fn sync_by_reference(&self) -> &str {
        &self.log
    }

    #[ensure_request_context]
    pub fn sync_by_mutable_reference(&mut self) -> &mut T {
        &mut self.last
    }

    #[ensure_request_context]
    pub fn sync_by_value(self) -> T {
        self.last
    }

    #[ensure_request_context]
    pub fn sync_generic<U: Clone>(&self, value: &U) -> U {
        value.clone()
    }
}

#[create_request_context(em)]
pub async fn recursive(em: &EntityManager, depth: usize) -> usize {
    if depth == 0 { 0 } else { Box::pin(recursive(em, depth - 1)).await + 1 }
}

fn main() {}
