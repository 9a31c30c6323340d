//! Entities of the suite: one small model a file.

pub mod account;
pub mod archive;
pub mod blog;
pub mod broken;
pub mod capitals;
pub mod catalogue;
pub mod circle;
pub mod document;
pub mod folder;
pub mod guild;
pub mod keys;
pub mod legacy;
pub mod library;
pub mod misfit;
pub mod named;
pub mod newsroom;
pub mod node;
pub mod people;
pub mod scalars;
pub mod sketch;
pub mod stock;
pub mod tenancy;
pub mod tiny;
pub mod tree;
pub mod volume;
pub mod wrong;
