//! Shapes by example, and what may and may not change them.

use proptest::prelude::*;

use super::*;

fn of(sql: &str) -> Fingerprint {
    Fingerprint::new(sql, Dialect::Sqlite)
}

#[test]
fn shapes() {
    fn check(sql: &str, expect: &str) {
        assert_eq!(&**of(sql).text(), expect, "{sql:?}");
    }
    check("", "");
    check(" ;; -- nothing\n", "");
    check("SELECT  *\nFROM Users WHERE Id=7", "select * from users where id = ?");
    check("select * from users where id = ? ;", "select * from users where id = ?");
    check("select \"Id\", [Na me], `É` from É", "select \"Id\", [Na me], `É` from É");
    check("select a.b , main . t . * from t", "select a.b, main.t.* from t");
    check("select count ( * ), max(a,b) from t", "select count(*), max(a, b) from t");
    check("select 'a', x'00', 1e5, 0xff, :a, @b, $c::d(e)", "select ?, ?, ?, ?, ?, ?, ?");
    check("select -1, a-1, - 1, a - -1, -a, ? -1", "select ?, a - ?, ?, a - ?, - a, ? - ?");
    check("select (a)-1, (-1), +1 limit -1", "select (a) - ?, (?), ? limit ?");
    check("select a from t where b in (1, -2,'x', ?)", "select a from t where b in (?..)");
    check("select a from t where b IN (?)", "select a from t where b in (?..)");
    check("select a from t where b in ()", "select a from t where b in ()");
    check("select a from t where b in (1, c)", "select a from t where b in (?, c)");
    check("select a in (1,,2)", "select a in (?,, ?)");
    check("select a in (1 2)", "select a in (? ?)");
    check("select a in (1, 2", "select a in (?, ?");
    check("select a in (1, )", "select a in (?,)");
    check("a in (select 1)", "a in (select ?)");
    check("insert into t (a,b) values (1,2)", "insert into t(a, b) values (?, ?)");
    check("insert into t(a,b) values (1,2),(3,4), (5,6)", "insert into t(a, b) values (?, ?)");
    check(
        "values (1,f(2)),(3,f(4)),(null,f(5)),(1,f(1))",
        "values (?, f(?)), (null, f(?)), (?, f(?))",
    );
    check("a in (values (1),(2)) and b", "a in (values (?)) and b");
    check("values ((values (1),(2))), ((values (3)))", "values ((values (?)))");
    check(
        "insert into t values (a),(a) on conflict (a) do update set (a) = (a)",
        "insert into t values (a) on conflict(a) do update set (a) = (a)",
    );
    check("select t.in (1, 2), t.values (1), (1)", "select t.in(?, ?), t.values(?), (?)");
    check("select 1; select 2;", "select ?; select ?");
    check(";(select 1) ; (select 1)", "(select ?); (select ?)");
    check("values (1); (1)", "values (?); (?)");
    check("select null is true", "select null is true");
    check("select 12ab, 'half", "select !, !");
    check("))) ( , .", ")))(,.");
    check("select a->>'b' || c<>d", "select a ->> ? || c <> d");
}

#[test]
fn identity_is_stable() {
    fn check(sql: &str, id: u64) {
        assert_eq!(of(sql).id(), id, "{sql:?}");
    }
    // A change here splits the statistics of everybody who keeps them: it needs a decision.
    check("", 0xEF46_DB37_51D8_E999);
    check("SELECT * FROM users WHERE id IN (1, 2)", 14_741_771_889_188_311_170);
}

#[test]
fn long_texts_are_cut_but_not_confused() {
    let long = |last: &str| {
        let columns: Vec<String> = (0..2000).map(|i| format!("größe{i}")).collect();
        of(&format!("select {}, {last}", columns.join(", ")))
    };
    let (a, b) = (long("a"), long("b"));
    assert_eq!(a.text(), b.text());
    assert_ne!(a.id(), b.id());
    assert!(a.text().ends_with(CUT) && a.text().len() <= TEXT_BYTES_MAX);
    assert!(a.text().len() > TEXT_BYTES_MAX - 8);
}

/// One piece of a statement, and whether the case and the value of it are free.
#[derive(Clone, Copy, Debug)]
enum Piece {
    Word(&'static str),
    Fixed(&'static str),
    Literal,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let word = prop::sample::select(
        &[
            "select", "from", "where", "t", "u", "name", "and", "order", "by", "not", "null", "in",
            "values", "limit", "as", "x", "join", "on",
        ][..],
    );
    let fixed = prop::sample::select(
        &["(", ")", ",", ".", "=", "<", "||", "-", "+", "\"A b\"", "[q]", ";", "->>"][..],
    );
    let piece = prop_oneof![
        4 => word.prop_map(Piece::Word),
        4 => fixed.prop_map(Piece::Fixed),
        3 => Just(Piece::Literal),
    ];
    prop::collection::vec(piece, 0..24)
}

/// The pieces as a text in one of its many dresses.
fn dress(pieces: &[Piece], random: &mut fastrand::Rng) -> String {
    const SPACE: &[&str] =
        &[" ", "\n\t", " /* ; ' */ ", " -- \" (\n", "/**/", "\r\n", " \u{feff} "];
    const LITERAL: &[&str] =
        &["1", "0x1f", "'it''s'", "x'00'", "?", "?7", ":name", "1.5e3", "''", "$a::b(c)", "1_000"];
    let mut sql = String::new();
    for piece in pieces {
        sql += SPACE[random.usize(..SPACE.len())];
        match piece {
            Piece::Word(word) => sql.extend(word.chars().map(|c| match random.bool() {
                true => c.to_ascii_uppercase(),
                false => c,
            })),
            Piece::Fixed(text) => sql += text,
            Piece::Literal => sql += LITERAL[random.usize(..LITERAL.len())],
        }
    }
    sql + SPACE[random.usize(..SPACE.len())]
}

/// Signs before numbers disappear and signs before texts do not, so that they are left out where
/// the literal after them is drawn at random.
fn without_signs(pieces: Vec<Piece>) -> Vec<Piece> {
    let sign = |piece: &Piece| matches!(piece, Piece::Fixed("-" | "+"));
    let keep: Vec<bool> = (0..pieces.len())
        .map(|i| {
            !(sign(&pieces[i])
                && pieces[i..]
                    .iter()
                    .find(|p| !sign(p))
                    .is_some_and(|p| matches!(p, Piece::Literal)))
        })
        .collect();
    pieces.into_iter().zip(keep).filter_map(|(piece, keep)| keep.then_some(piece)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None,
                                        ..ProptestConfig::default() })]

    #[test]
    fn dress_does_not_matter(pieces in pieces(), seed: u64) {
        let pieces = without_signs(pieces);
        let mut random = fastrand::Rng::with_seed(seed);
        let (a, b) = (dress(&pieces, &mut random), dress(&pieces, &mut random));
        prop_assert_eq!(of(&a), of(&b), "{:?} and {:?}", a, b);
    }

    /// The normalised text has itself as its fingerprint, lists in short form excepted.
    #[test]
    fn normalising_twice_changes_nothing(pieces in pieces(), seed: u64) {
        let sql = dress(&pieces, &mut fastrand::Rng::with_seed(seed));
        let once = normalise(&sql, Dialect::Sqlite);
        prop_assume!(!once.contains("(?..)"));
        prop_assert_eq!(normalise(&once, Dialect::Sqlite), once, "{:?}", sql);
    }

    /// Another table, column, or operator is another shape.
    #[test]
    fn what_is_asked_matters(pieces in pieces(), at: prop::sample::Index, seed: u64) {
        let mut random = fastrand::Rng::with_seed(seed);
        let changes: Vec<usize> = (0..pieces.len())
            .filter(|i| matches!(pieces[*i],
                Piece::Word("t" | "u" | "name" | "x") | Piece::Fixed("=" | "<" | "||" | "\"A b\"")))
            .collect();
        prop_assume!(!changes.is_empty());
        let mut other = pieces.clone();
        let place = changes[at.index(changes.len())];
        other[place] = match pieces[place] {
            Piece::Word(_) => Piece::Word("otherwise"),
            Piece::Fixed("=" | "<" | "||") => Piece::Fixed(">="),
            _ => Piece::Fixed("\"a b\""),
        };
        let (a, b) = (dress(&pieces, &mut random), dress(&other, &mut random));
        let [one, two] = [&a, &b].map(|sql| normalise(sql, Dialect::Sqlite));
        prop_assert_ne!(one, two, "{:?} and {:?}", a, b);
    }

    #[test]
    fn nothing_panics_and_nothing_leaks(sql in ".{0,200}") {
        let fingerprint = of(&sql);
        prop_assert!(fingerprint.text().len() <= TEXT_BYTES_MAX);
    }

    /// No literal and no comment comes through, wherever the text breaks off.
    #[test]
    fn no_literal_comes_through(pieces in pieces(), seed: u64, cut: prop::sample::Index) {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut sql = String::new();
        for piece in [&pieces[..], &[Piece::Literal]].concat() {
            sql += [" ", "/* secret ' */", "-- 'secret\n"][random.usize(..3)];
            match piece {
                Piece::Word(text) | Piece::Fixed(text) => sql += text,
                Piece::Literal => {
                    sql += ["'secret'", "'a''secret;'", ":secret", "$x::secret(secret)", "7secret"]
                        [random.usize(..5)];
                }
            }
        }
        let boundaries: Vec<usize> =
            (0..=sql.len()).filter(|i| sql.is_char_boundary(*i)).collect();
        sql.truncate(boundaries[cut.index(boundaries.len())]);
        prop_assert!(!normalise(&sql, Dialect::Sqlite).contains("sec"), "{:?}", sql);
    }
}

/// Times a statement of 100 bytes; run it with `--release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
#[allow(clippy::print_stdout)]
fn measure() {
    let sql = "SELECT id, name, email FROM users WHERE tenant_id = ? AND status IN (1, 2, 3) \
               ORDER BY name LIMIT 50";
    fn time(label: &str, mut work: impl FnMut()) {
        // The best of many rounds, since other work on the machine only adds.
        let mut round = || {
            let start = std::time::Instant::now();
            (0..1000).for_each(|_| work());
            start.elapsed()
        };
        let best = (0..1000).map(|_| round()).min().unwrap();
        println!("{label}: {:?}", best / 1000);
    }
    println!("{} bytes", sql.len());
    time("fingerprint", || {
        std::hint::black_box(of(std::hint::black_box(sql)));
    });
    time("normalised", || {
        std::hint::black_box(normalise(std::hint::black_box(sql), Dialect::Sqlite));
    });
    time("tokens", || {
        std::hint::black_box(tokens_in(std::hint::black_box(sql), Dialect::Sqlite).count());
    });
}
