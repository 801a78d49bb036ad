//! What the compiler says where an attribute is refused.

/// Each file stands for one topic, since each costs a run of the compiler.
#[test]
fn refusals_say_what_to_do_and_where() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/it/refused/*.rs");
}
