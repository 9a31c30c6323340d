use std::rc::Rc;

use orm_core::{EntityManager, create_request_context};

async fn send() {}

#[create_request_context(em)]
async fn nightly(em: EntityManager) -> usize {
    let count = Rc::new(1);
    send().await;
    *count
}

fn assert_send(_: impl Send) {}

fn spawn(em: EntityManager) {
    assert_send(nightly(em));
}

fn main() {}
