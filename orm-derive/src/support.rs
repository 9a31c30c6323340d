//! What the derives share: reading attributes, cases of names, paths, and small pieces of tokens.
//!
//! Knows neither entities nor enums.

pub(crate) mod attribute;
pub(crate) mod case;
pub(crate) mod crate_path;
pub(crate) mod field_value;
pub(crate) mod shape;
pub(crate) mod suggestion;
pub(crate) mod tokens;
pub(crate) mod value;
pub(crate) mod visibility;
