use orm_core::{EntityManager, create_request_context};

#[create_request_context(em)]
async fn nightly(em: &EntityManager) -> usize {
    println!("none");
}

fn main() {}
