use orm_core::{EntityManager, create_request_context};

#[create_request_context(em)]
async fn nightly(em: &EntityManager, dry: bool) -> usize {
    if dry {
        return "none";
    }
    1
}

fn main() {}
