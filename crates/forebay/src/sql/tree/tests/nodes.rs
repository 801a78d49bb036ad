//! Whatever the text, reading it ends and does not panic; and what is read is what was written.

use fastrand::Rng;

use super::super::node::{Fault, Node};
use super::super::{ByteOrder, Catalogue, Outcome, Statement};
use super::recorded::{catalogue, trees};

#[test]
fn values() {
    let parsed = |text: &str| Node::parse(text);
    let field = |text: &str| {
        let node = Node::parse(&format!("{{N :f {text}}}")).unwrap();
        node.record().unwrap().field("f").clone()
    };
    let atom = |text: &str| Node::Atom(text.into());
    assert_eq!(field("<>"), Node::Null);
    assert_eq!(field("\\<>"), atom("<>"));
    assert_eq!(field("\"\""), atom(""));
    assert_eq!(field("-5"), atom("-5"));
    assert_eq!(field("a\\ b\\\\\\)"), atom("a b\\)"));
    assert_eq!(field("(\"x\\ y\" \"\\\"\")"), Node::List(vec![atom("x y"), atom("\"")]));
    assert_eq!(field("(b 8 9)"), Node::Numbers(vec![8, 9]));
    assert_eq!(field("(o)"), Node::Numbers(Vec::new()));
    assert_eq!(field("()"), Node::List(Vec::new()));
    assert_eq!(field(":g"), atom(":g"));
    assert_eq!(field("2 [ -1 0 0 0 0 0 0 0 ]"), Node::Datum(vec![255, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(field("0 [ ]"), Node::Datum(Vec::new()));
    assert_eq!(
        field("{\u{e9} :g \u{e9}\\\u{e9}}").record().unwrap().text("g"),
        Some("\u{e9}\u{e9}")
    );
    for (text, why) in [
        ("", "a value is missing"),
        ("{", "a node has no name"),
        ("{N", "a field has no name"),
        ("{N :f}", "a value is missing"),
        ("{N :f 1 2}", "a field has no name"),
        ("{N :f 1 :f 2}", "a field is there twice"),
        ("{N} {M}", "something follows the tree"),
        ("(1 2", "a value is missing"),
        ("(i 1 x)", "a number is none"),
        ("{N :f 9 [ 1 ]}", "a constant is short"),
        ("{N :f 1 [ 256 ]}", "a byte is none"),
        ("{N :f x [ 1 ]}", "a constant has no length"),
        ("a\\", "the tree ends within an escape"),
    ] {
        assert_eq!(parsed(text), Err(Fault(why)), "{text}");
    }
}

#[test]
fn depth_and_size_are_bounded() {
    let deep = |n: usize| format!("{}1{}", "(".repeat(n), ")".repeat(n));
    assert!(Node::parse(&deep(200)).is_ok());
    assert_eq!(Node::parse(&deep(100_000)), Err(Fault("the tree is deeper than 256 levels")));
    assert!(Node::parse(&"(".repeat(5_000_000)).is_err());
    let many = format!("({})", "1 ".repeat(1_100_000));
    assert_eq!(Node::parse(&many), Err(Fault("the tree has more than a million nodes")));
    let long = " ".repeat(9_000_000);
    assert_eq!(Node::parse(&long), Err(Fault("the tree is longer than 8 MB")));
}

/// Real trees in which something was replaced, left out or put in.
#[test]
fn no_text_is_a_panic() {
    const VALUES: &[&str] = &[
        "-1",
        "0",
        "1",
        "2",
        "3",
        "9",
        "255",
        "65536",
        "4294967296",
        "99999999999999999999",
        "true",
        "false",
        "<>",
        "and",
        "not",
        "r",
        "v",
        "c",
        "\\<>",
        "96",
        "481",
        "16384",
        "23",
    ];
    const PIECES: &[&str] = &[
        "{",
        "}",
        "(",
        ")",
        "(b 1)",
        "{VAR :varno 1 :varattno 1 :varlevelsup 0}",
        ":rtable",
        "\\",
        "{QUERY :commandType 1}",
        "4 [ 1 0 0 0 0 0 0 0 ]",
        "\"",
        "{RANGETBLREF :rtindex 1}",
        "[",
    ];
    let is_value = |word: &str| {
        word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'<' | b'>'))
    };
    let mut rng = Rng::with_seed(5);
    let (trees, catalogue) = (trees(), catalogue());
    let mut judged = 0;
    for _ in 0..1_500 {
        let tree = trees[rng.usize(..trees.len())];
        let mut words: Vec<&str> = tree.split(' ').collect();
        for _ in 0..rng.usize(1..6) {
            let at = rng.usize(..words.len());
            match rng.u8(..20) {
                0 => drop(words.remove(at)),
                1 => words.insert(at, PIECES[rng.usize(..PIECES.len())]),
                2 => words[at] = PIECES[rng.usize(..PIECES.len())],
                _ if is_value(words[at]) => words[at] = VALUES[rng.usize(..VALUES.len())],
                _ => {}
            }
        }
        let text = words.join(" ");
        let Ok(statement) = Statement::read(&text, "SELECT", ByteOrder::Little) else { continue };
        judged += 1;
        let outcome = statement.analyse(&catalogue);
        assert!(!matches!(outcome, Outcome::Refused(reasons) if reasons.is_empty()));
        drop(statement.analyse(&Catalogue::default()));
        drop(statement.writes(&catalogue));
        drop(statement.writes(&Catalogue::default()));
    }
    assert!(judged > 500, "{judged}");
}
