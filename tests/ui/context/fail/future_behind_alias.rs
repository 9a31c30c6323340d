use std::pin::Pin;

use orm_core::{EntityManager, create_request_context};

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

#[create_request_context(em)]
fn nightly(em: &EntityManager) -> Later<usize> {
    Box::pin(async { 0 })
}

fn main() {}
