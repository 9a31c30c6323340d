//! The model-based test on SQLite in memory, in shares that run side by side.

use orm_tests::{Sqlite, model};

#[test]
fn random_steps_agree_with_a_naive_model_1() {
    model::run::<Sqlite>(0, 2);
}

#[test]
fn random_steps_agree_with_a_naive_model_2() {
    model::run::<Sqlite>(1, 2);
}
