use orm_core::ensure_request_context;

#[ensure_request_context]
fn nightly_report() {}

fn main() {}
