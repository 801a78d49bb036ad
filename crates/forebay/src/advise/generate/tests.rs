//! Candidates, as lines of SQL.

use super::*;

/// Column 0 is the rowid; the others have so many different values; `d` is rarely 'x'.
struct Told;

impl Spread for Told {
    fn distinct(&self, _: &str, key: &str) -> f64 {
        match key {
            "\"a\"" => 10.0,
            "\"b\"" => 1_000.0,
            "\"d\"" => 3.0,
            _ => 100.0,
        }
    }

    fn share(&self, _: &str, condition: &str) -> f64 {
        if condition.contains("'x'") { 0.01 } else { 0.9 }
    }

    fn value(&self, operand: &Operand) -> Option<Value> {
        match operand {
            Operand::Literal(value) => Some(value.clone()),
            Operand::Parameter(_) => None,
        }
    }
}

fn key(name: &str) -> Key {
    let column = ["id", "a", "b", "c", "d"].iter().position(|it| *it == name);
    let column = column.and_then(|at| u16::try_from(at).ok());
    let sql = if column.is_some() { format!("\"{name}\"") } else { name.to_owned() };
    Key { column, sql, collation: None }
}

fn term(name: &str, sift: Sift, condition: Option<&str>) -> Term {
    Term { key: Some(key(name)), sift, condition: condition.map(str::to_owned) }
}

fn by(name: &str, is_descending: bool) -> Ordered {
    Ordered { key: key(name), is_descending }
}

fn of(it: Use) -> Vec<String> {
    let columns: Vec<String> = ["id", "a", "b", "c", "d"].map(str::to_owned).to_vec();
    let collations = [Some(Collation::Binary); 5];
    let about = About { columns: &columns, collations: &collations, rowid: Some(0) };
    let generated = generate(&Use { table: "t".into(), ..it }, about, &Told);
    let shown = |it: &Candidate| it.create("i").split_once(" (").unwrap().1.replace('"', "");
    let sets = generated.together.iter();
    let sets = sets.map(|set| set.iter().map(shown).collect::<Vec<_>>().join(" with "));
    generated.single.iter().map(shown).chain(sets).collect()
}

#[test]
fn the_one_that_tells_most_comes_first() {
    let equal = Sift::Equal(None);
    let terms = vec![
        term("a", equal.clone(), None),
        term("b", equal.clone(), None),
        term("c", Sift::Range(None), None),
    ];
    let found = of(Use { terms, order: vec![by("d", true)], ..Use::default() });
    for wanted in ["b, a)", "b, a, c)", "b, a, d)", "b)", "a)", "c)", "d)"] {
        assert!(found.iter().any(|it| it == wanted), "{wanted}: {found:?}");
    }
    assert!(!found.iter().any(|it| it.starts_with("a, b, ")), "{found:?}");
}

#[test]
fn directions_and_the_rowid() {
    let check = |order: Vec<Ordered>, expect: &[&str]| {
        assert_eq!(of(Use { order, ..Use::default() }), expect);
    };
    check(vec![by("a", true), by("b", true)], &["a, b)"]);
    check(vec![by("a", false), by("b", true)], &["a, b DESC)"]);
    check(vec![by("a", false), by("id", false), by("b", true)], &["a)"]);
    check(vec![by("a", true), by("id", false)], &["a DESC, id)"]);
    check(vec![by("id", false)], &[]);
    let terms = vec![term("id", Sift::Equal(Some(Operand::Parameter(1))), None)];
    assert_eq!(of(Use { terms, order: vec![by("a", true)], ..Use::default() }), [""; 0]);
}

#[test]
fn texts_that_begin_alike() {
    let check = |is_glob: bool, pattern: &str, expect: &[&str]| {
        let pattern = Some(Operand::Literal(Value::from(pattern)));
        let terms = vec![term("c", Sift::Like { is_glob, pattern }, None)];
        assert_eq!(of(Use { terms, ..Use::default() }), expect);
    };
    check(false, "ab%", &["c COLLATE NOCASE)"]);
    check(true, "ab*", &["c)"]);
    check(false, "%ab", &[]);
    check(true, "*ab", &[]);
    check(false, "", &[]);
}

#[test]
fn rare_conditions_and_alternatives() {
    let literal = |text: &str| Sift::Equal(Some(Operand::Literal(Value::from(text))));
    let terms = vec![
        term("a", Sift::Equal(None), Some("\"a\" = 1")),
        term("d", literal("x"), Some("\"d\" = 'x'")),
    ];
    let found = of(Use { terms: terms.clone(), ..Use::default() });
    assert!(found.contains(&"a) WHERE d = 'x'".to_owned()), "{found:?}");
    assert!(!found.iter().any(|it| it.contains("WHERE a")), "{found:?}");
    let arms = vec![vec![terms[0].clone()], vec![term("b", Sift::Range(None), None)]];
    let choices = vec![arms.clone()];
    assert_eq!(of(Use { choices, ..Use::default() }), ["a) with b)"]);
    // An arm that nothing finds makes all of them useless.
    let choices = vec![[arms, vec![vec![]]].concat()];
    assert_eq!(of(Use { choices, ..Use::default() }), [""; 0]);
}

#[test]
fn covering_columns_come_last() {
    let columns = Some([1u16, 3].into_iter().collect());
    let terms = vec![term("a", Sift::Equal(None), None)];
    let it = Use { terms, columns, ..Use::default() };
    assert_eq!(of(it.clone()), ["a)", "a, c)"]);
    let groups = vec![key("lower(\"c\")")];
    let found = of(Use { groups, terms: Vec::new(), columns: None, ..it });
    assert_eq!(found, ["lower(c))"]);
}
