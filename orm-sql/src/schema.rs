//! Tables as text.

mod ddl;

pub(crate) use ddl::{create, drop};
