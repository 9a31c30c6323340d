//! `orm_core` under another path.
#![deny(warnings)]

mod facade {
    pub mod reexported {
        pub use orm_core::*;
    }
}

use facade::reexported::{EntityManager, create_request_context, ensure_request_context};

#[create_request_context(em, crate = "crate::facade::reexported")]
pub async fn last(em: &EntityManager) -> usize {
    1
}

#[ensure_request_context(crate = crate::facade::reexported, em)]
pub fn first(em: &EntityManager) -> usize {
    1
}

fn main() {}
