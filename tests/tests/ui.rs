//! What the derives and attributes make of right and of wrong programs.
//!
//! `ui/<macro>/pass` holds programs that compile and run, `ui/<macro>/fail` one mistake a file with the message beside
//! it. `cargo ui` runs these alone; `cargo bless` accepts the compiler's present output. Wrong programs have a test of
//! their own, so that they are only checked and not built, which is several times faster.

/// Every program compiles, and what it asserts holds.
#[test]
fn right_programs_run() {
    trybuild::TestCases::new().pass("ui/*/pass/*.rs");
}

/// Every program fails with exactly the message beside it.
#[test]
fn wrong_programs_say_what_to_write() {
    trybuild::TestCases::new().compile_fail("ui/*/fail/*.rs");
}
