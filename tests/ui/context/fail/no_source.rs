use orm_core::create_request_context;

#[create_request_context]
async fn nightly_report() {}

fn main() {}
