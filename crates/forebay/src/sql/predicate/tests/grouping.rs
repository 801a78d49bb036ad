//! The parser groups expressions as SQLite does: an expression and the same one with all its
//! parentheses written out make the same program.

use fastrand::Rng;
use sqlite3_parser::ast::{
    Distinctness, Expr, FunctionTail, LikeOperator, Literal, OneSelect, Operator, ResultColumn,
    Select, Stmt, Type, UnaryOperator,
};

use super::super::bind::{Mentions, bind};
use super::super::parse::{Arena, parse};

/// How many expressions the test suite tries, and how many a long run.
const SHORT: usize = 4_000;
const LONG: usize = 2_000_000;

#[test]
fn expressions_are_grouped_as_sqlite_groups_them() {
    let run = compare(SHORT, 1);
    assert!(run.compared > SHORT / 3, "SQLite took only {} of {SHORT}", run.compared);
}

#[test]
#[ignore = "runs for some minutes"]
fn expressions_are_grouped_as_sqlite_groups_them_at_length() {
    let run = compare(LONG, 2);
    println!("{} compared, {} that SQLite refused", run.compared, run.refused);
}

#[derive(Default)]
struct Run {
    compared: usize,
    refused: usize,
}

fn compare(count: usize, seed: u64) -> Run {
    let connection = rusqlite::Connection::open_in_memory().unwrap();
    connection
        .execute_batch("CREATE TABLE t(a INTEGER, b TEXT, c TEXT COLLATE NOCASE, d, e REAL)")
        .unwrap();
    let mut rng = Rng::with_seed(seed);
    let mut run = Run::default();
    for _ in 0..count {
        let depth = rng.usize(1..6);
        // SQLite takes two `?` for the same constant only if they are written with their numbers.
        let text = format!("SELECT {} FROM t", expression(&mut rng, depth));
        let text = bind(&text, &mut Mentions::default()).unwrap().text;
        let Some(program) = program(&connection, &text) else {
            run.refused += 1;
            continue;
        };
        let arena = Arena::default();
        let parsed = parse(&text, &arena, &mut Mentions::default());
        let printed = match parsed.map(|it| it.statement) {
            Ok(Stmt::Select(select)) => print_select(select),
            other => panic!("SQLite takes {text}, the parser says {other:?}"),
        };
        let again = self::program(&connection, &printed);
        assert!(Some(program) == again, "{text}\nbecame {printed}");
        run.compared += 1;
    }
    run
}

/// The program of a statement, unless SQLite refuses it.
fn program(connection: &rusqlite::Connection, sql: &str) -> Option<Vec<String>> {
    let mut statement = connection.prepare(&format!("EXPLAIN {sql}")).ok()?;
    let mut rows = statement.raw_query();
    let mut program = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        let columns = (1..=6).map(|n| format!("{:?}", row.get_ref(n).unwrap()));
        program.push(columns.collect::<Vec<_>>().join(" "));
    }
    Some(program)
}

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

/// A random expression with few parentheses.
fn expression(rng: &mut Rng, depth: usize) -> String {
    if depth == 0 {
        const LEAVES: &[&str] = &[
            "a",
            "b",
            "c",
            "d",
            "e",
            "t.a",
            "main.t.b",
            "\"c\"",
            "[d]",
            "`e`",
            "1",
            "2.5",
            "'x'",
            "x'ab'",
            "NULL",
            "?",
            "?2",
            ":v",
            "0x1f",
            "TRUE",
            "CURRENT_DATE",
            "1e3",
            ".5",
        ];
        return pick(rng, LEAVES).to_owned();
    }
    let mut one = || {
        let depth = rng.usize(..depth);
        expression(rng, depth)
    };
    let (x, y, z) = (one(), one(), one());
    let not = pick(rng, &["", "", "NOT "]);
    match rng.u8(..24) {
        0..=8 => {
            const BINARY: &[&str] = &[
                "OR",
                "AND",
                "=",
                "==",
                "<>",
                "!=",
                "IS",
                "IS NOT",
                "IS DISTINCT FROM",
                "IS NOT DISTINCT FROM",
                "<",
                "<=",
                ">",
                ">=",
                "&",
                "|",
                "<<",
                ">>",
                "+",
                "-",
                "*",
                "/",
                "%",
                "||",
                "->",
                "->>",
            ];
            format!("{x} {} {y}", pick(rng, BINARY))
        }
        9..=11 => format!("{} {x}", pick(rng, &["NOT", "-", "+", "~"])),
        12 => format!("{x} {}", pick(rng, &["ISNULL", "NOTNULL", "NOT NULL", "IS NULL"])),
        13 => format!("{x} {not}BETWEEN {y} AND {z}"),
        14 => format!("{x} {not}IN ({y}, {z})"),
        15 => format!("{x} {not}IN ({})", pick(rng, &["", "SELECT a FROM t", &y])),
        16 => format!("{x} {not}{} {y}", pick(rng, &["LIKE", "GLOB"])),
        17 => format!("{x} {not}LIKE {y} ESCAPE {z}"),
        18 => format!("{x} COLLATE {}", pick(rng, &["NOCASE", "BINARY", "\"rtrim\""])),
        19 => match rng.u8(..3) {
            0 => format!("CASE WHEN {x} THEN {y} END"),
            1 => format!("CASE {x} WHEN {y} THEN {z} ELSE a END"),
            _ => format!("CASE WHEN {x} THEN {y} WHEN {z} THEN b ELSE {x} END"),
        },
        20 => format!("({x}, {y}) {} ({z}, a)", pick(rng, &["=", "<", ">=", "IS", "IS NOT"])),
        21 => match rng.u8(..4) {
            0 => format!("CAST({x} AS {})", pick(rng, &["INTEGER", "TEXT", "VARCHAR(10)"])),
            1 => format!("max({x}, {y})"),
            2 => format!("coalesce({x}, {y}, {z})"),
            _ => format!("count(*) FILTER (WHERE {x}) OVER (PARTITION BY {y} ORDER BY {z})"),
        },
        22 => match rng.u8(..3) {
            0 => format!("{not}EXISTS (SELECT {x} FROM t WHERE {y})"),
            1 => format!("(SELECT {x})"),
            _ => format!("{x} {not}IN t"),
        },
        _ => format!("({x})"),
    }
}

fn print_select(select: &Select<'_>) -> String {
    let OneSelect::Select { columns, from, where_clause, .. } = &select.body.select else {
        panic!("{select:?}")
    };
    let [ResultColumn::Expr(expr, None)] = columns else { panic!("{columns:?}") };
    let from = if from.is_some() { " FROM t" } else { "" };
    let filter = where_clause.map(|it| format!(" WHERE {}", print(it))).unwrap_or_default();
    format!("SELECT {}{from}{filter}", print(expr))
}

fn list(exprs: &[Expr<'_>]) -> String {
    exprs.iter().map(print).collect::<Vec<_>>().join(", ")
}

/// The expression with every pair of parentheses written out.
fn print(expr: &Expr<'_>) -> String {
    let not = |not: &bool| if *not { "NOT " } else { "" };
    let text = match expr {
        Expr::Parenthesized(parts) if parts.len() == 1 => return print(&parts[0]),
        Expr::Parenthesized(parts) => list(parts),
        Expr::Between { lhs, not: is_not, start, end } => {
            format!("{} {}BETWEEN {} AND {}", print(lhs), not(is_not), print(start), print(end))
        }
        Expr::Binary(left, op, right) => format!("{} {} {}", print(left), sign(*op), print(right)),
        Expr::Case { base, when_then_pairs, else_expr } => {
            let mut text = "CASE".to_owned();
            text.extend(base.map(|it| format!(" {}", print(it))));
            for (when, then) in *when_then_pairs {
                text += &format!(" WHEN {} THEN {}", print(when), print(then));
            }
            text.extend(else_expr.map(|it| format!(" ELSE {}", print(it))));
            text + " END"
        }
        Expr::Cast { expr, type_name } => {
            // A size changes nothing but the estimates of the planner.
            let name = type_name.as_ref().map_or("", |Type { name, .. }| name);
            return format!("CAST({} AS {name})", print(expr));
        }
        Expr::Collate(inner, name) => format!("{} COLLATE {name}", print(inner)),
        Expr::Exists(select) => return format!("EXISTS ({})", print_select(select)),
        Expr::FunctionCall { name, args, distinctness: None::<Distinctness>, .. } => {
            return format!("{}({})", name.0, list(args.unwrap_or_default()));
        }
        Expr::FunctionCallStar { name, filter_over } => {
            return format!("{}(*){}", name.0, print_tail(filter_over.as_ref()));
        }
        Expr::InList { lhs, not: is_not, rhs } => {
            format!("{} {}IN ({})", print(lhs), not(is_not), list(rhs.unwrap_or_default()))
        }
        Expr::InSelect { lhs, not: is_not, rhs } => {
            format!("{} {}IN ({})", print(lhs), not(is_not), print_select(rhs))
        }
        Expr::InTable { lhs, not: is_not, .. } => format!("{} {}IN t", print(lhs), not(is_not)),
        Expr::IsNull(inner) => format!("{} ISNULL", print(inner)),
        Expr::NotNull(inner) => format!("{} NOTNULL", print(inner)),
        Expr::Like { lhs, not: is_not, op, rhs, escape } => {
            let op = if *op == LikeOperator::Like { "LIKE" } else { "GLOB" };
            let escape = escape.map(|it| format!(" ESCAPE {}", print(it))).unwrap_or_default();
            format!("{} {}{op} {}{escape}", print(lhs), not(is_not), print(rhs))
        }
        Expr::Subquery(select) => print_select(select),
        Expr::Unary(op, inner) => {
            let op = match op {
                UnaryOperator::BitwiseNot => "~",
                UnaryOperator::Negative => "-",
                UnaryOperator::Not => "NOT ",
                UnaryOperator::Positive => "+",
            };
            format!("{op}{}", print(inner))
        }
        Expr::Id(name) => return name.0.to_owned(),
        Expr::Qualified(a, b) => return format!("{}.{}", a.0, b.0),
        Expr::DoublyQualified(a, b, c) => return format!("{}.{}.{}", a.0, b.0, c.0),
        Expr::Variable(number) => return format!("?{number}"),
        Expr::Literal(literal) => return print_literal(literal),
        other => panic!("{other:?}"),
    };
    format!("({text})")
}

fn print_literal(literal: &Literal<'_>) -> String {
    match literal {
        Literal::Numeric(text) | Literal::String(text) => (*text).to_owned(),
        Literal::Blob(digits) => format!("x'{digits}'"),
        Literal::Null => "NULL".to_owned(),
        Literal::CurrentDate => "CURRENT_DATE".to_owned(),
        other => panic!("{other:?}"),
    }
}

fn print_tail(tail: Option<&FunctionTail<'_>>) -> String {
    use sqlite3_parser::ast::Over;
    let Some(tail) = tail else { return String::new() };
    let filter = tail.filter_clause.map(print).unwrap();
    let Some(Over::Window(window)) = tail.over_clause else { panic!("{tail:?}") };
    let part = list(window.partition_by.unwrap());
    let order = print(&window.order_by.unwrap()[0].expr);
    format!(" FILTER (WHERE {filter}) OVER (PARTITION BY {part} ORDER BY {order})")
}

fn sign(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::And => "AND",
        Operator::ArrowRight => "->",
        Operator::ArrowRightShift => "->>",
        Operator::BitwiseAnd => "&",
        Operator::BitwiseOr => "|",
        Operator::Concat => "||",
        Operator::Equals => "=",
        Operator::Divide => "/",
        Operator::Greater => ">",
        Operator::GreaterEquals => ">=",
        Operator::Is => "IS",
        Operator::IsNot => "IS NOT",
        Operator::LeftShift => "<<",
        Operator::Less => "<",
        Operator::LessEquals => "<=",
        Operator::Modulus => "%",
        Operator::Multiply => "*",
        Operator::NotEquals => "<>",
        Operator::Or => "OR",
        Operator::RightShift => ">>",
        Operator::Subtract => "-",
    }
}
