//! What the derives and attributes make of right and of wrong programs.
//!
//! `ui/<macro>/pass` holds programs that compile, `ui/<macro>/fail` one mistake a file with the message beside it.
//! `cargo ui` runs this alone; `cargo bless` accepts the compiler's present output.

/// Every program compiles, or fails with exactly the message beside it.
#[test]
fn programs_compile_or_say_what_to_write() {
    let cases = trybuild::TestCases::new();
    cases.pass("ui/*/pass/*.rs");
    cases.compile_fail("ui/*/fail/*.rs");
}
