use orm_core::{ContextSource, create_request_context};

trait Reports: ContextSource {
    #[create_request_context]
    async fn nightly(&self);
}

fn main() {}
