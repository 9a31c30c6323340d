//! What is not promised of databases: the documents, the model, and the compile-fail tests of the derives.

mod agreements;
mod connect;
mod documents;
mod minimal_driver;
mod model;
mod own_connection;
mod postgres_connect;
mod ui;
