//! The future is `Send` whenever the body is.
#![deny(warnings)]

use std::cell::Cell;

use orm_core::{EntityManager, create_request_context, ensure_request_context};

async fn suspend() {
    std::future::ready(()).await;
}

#[create_request_context(em)]
pub async fn moves_an_argument_that_is_not_sync(em: EntityManager, count: Cell<u8>) -> u8 {
    suspend().await;
    count.get()
}

#[ensure_request_context(em)]
pub async fn borrows(em: &EntityManager, name: &mut String) -> usize {
    suspend().await;
    name.push('!');
    suspend().await;
    name.len()
}

#[create_request_context(em)]
pub fn opaque(em: &EntityManager) -> impl Future<Output = ()> + use<> {
    suspend()
}

fn assert_send(_: impl Send) {}

pub fn check(em: &EntityManager, name: &mut String) {
    assert_send(moves_an_argument_that_is_not_sync(em.clone(), Cell::new(1)));
    assert_send(borrows(em, name));
    assert_send(opaque(em));
}

fn main() {}
