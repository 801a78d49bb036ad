//! One SELECT over one table, cut at its clauses.

use super::text::Text;
use super::tokens::{Piece, Refusal, Tokens};
use crate::sql::lex::Kind;
use crate::value::Value;

/// A SELECT, cut at its clauses.
#[derive(Clone, Debug)]
pub(crate) struct Clauses {
    pub(super) tokens: Tokens,
    pub(super) is_distinct: bool,
    /// Behind SELECT, DISTINCT included.
    list: Piece,
    pub(super) items: Vec<Item>,
    from: Piece,
    /// The name that the table goes by, as SQL.
    pub(crate) alias: Box<str>,
    filter: Option<Piece>,
    pub(super) group: Vec<Piece>,
    group_all: Option<Piece>,
    pub(super) having: Option<Piece>,
    /// The terms of ORDER BY.
    pub(super) order: Vec<Piece>,
    order_all: Option<Piece>,
    pub(crate) limit: Option<Piece>,
    pub(crate) offset: Option<Piece>,
}

/// A result column, or a star.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) expr: Piece,
    pub(super) is_star: bool,
    /// The name of the result column.
    pub(super) name: Box<str>,
}

/// Where each clause begins.
#[derive(Default)]
struct Places {
    from: Option<usize>,
    filter: Option<usize>,
    group: Option<usize>,
    having: Option<usize>,
    order: Option<usize>,
    limit: Option<usize>,
    offset: Option<usize>,
}

impl Places {
    fn of(tokens: &Tokens, first: usize) -> Result<Places, Refusal> {
        let mut places = Places::default();
        for (at, word) in tokens.clause_words(first) {
            let before = |word| at > 0 && tokens.is(at - 1, word);
            let place = match word.as_str() {
                // IS DISTINCT FROM.
                "from" if before("distinct") && at > first => continue,
                "from" => &mut places.from,
                "where" => &mut places.filter,
                "group" if before("within") => return Err("has an aggregate with an order"),
                "group" => &mut places.group,
                "having" => &mut places.having,
                "order" => &mut places.order,
                "limit" => &mut places.limit,
                "offset" => &mut places.offset,
                "window" => return Err("has a window function"),
                "fetch" => return Err("has FETCH in place of LIMIT"),
                "for" => return Err("locks rows"),
                "into" => return Err("writes"),
                "union" | "intersect" | "except" => {
                    return Err("joins several SELECTs by a set operation");
                }
                _ => continue,
            };
            if place.replace(at).is_some() {
                return Err("has a clause twice");
            }
        }
        Ok(places)
    }

    /// Where the clause that begins at `at` ends.
    fn end(&self, at: usize, tokens: &Tokens) -> usize {
        let all =
            [self.from, self.filter, self.group, self.having, self.order, self.limit, self.offset];
        all.into_iter().flatten().filter(|other| *other > at).min().unwrap_or(tokens.len())
    }

    /// What stands behind the words of a clause.
    fn piece(&self, at: Option<usize>, words: usize, tokens: &Tokens) -> Option<Piece> {
        at.map(|at| Piece { from: at + words, to: self.end(at, tokens) })
    }
}

impl Clauses {
    /// Cuts a text whose result columns have these names; `width` is the number of columns of its
    /// table, for which a star stands.
    pub(crate) fn of(sql: &str, names: &[&str], width: usize) -> Result<Clauses, Refusal> {
        let tokens = Tokens::of(sql)?;
        if !tokens.is(0, "select") {
            return Err("does not begin with SELECT");
        }
        let is_distinct = tokens.is(1, "distinct");
        if is_distinct && tokens.is(2, "on") {
            return Err("has DISTINCT ON");
        }
        let first = if is_distinct || tokens.is(1, "all") { 2 } else { 1 };
        let places = Places::of(&tokens, first)?;
        let from = places.piece(places.from, 1, &tokens).ok_or("reads no table")?;
        let alias = source(&tokens, from)?;
        let items = Piece { from: first, to: from.from - 1 };
        let items = items_of(&tokens, items, names, width)?;
        let group_all = places.piece(places.group, 2, &tokens);
        let order_all = places.piece(places.order, 2, &tokens);
        let split = |all: Option<Piece>| all.map(|all| tokens.split(all)).unwrap_or_default();
        Ok(Clauses {
            is_distinct,
            list: Piece { from: 1, to: from.from - 1 },
            items,
            from,
            alias,
            filter: places.piece(places.filter, 1, &tokens),
            group: split(group_all),
            group_all,
            having: places.piece(places.having, 1, &tokens),
            order: split(order_all),
            order_all,
            limit: places.piece(places.limit, 1, &tokens),
            offset: places.piece(places.offset, 1, &tokens),
            tokens,
        })
    }

    /// FROM and WHERE, under one more condition.
    pub(crate) fn source(&self, condition: &Text) -> Text {
        let mut text = Text::sql(" FROM ");
        text.append(&self.tokens.copied(self.from));
        // A comment may stand behind a piece, so that what follows gets a line of its own.
        text.push("\nWHERE ");
        if let Some(filter) = self.filter {
            text.push("(");
            text.append(&self.tokens.copied(filter));
            text.push("\n) AND ");
        }
        text.append(condition);
        text
    }

    /// The query under one more condition, and with `count` rows at most in place of its own LIMIT
    /// and OFFSET, or with these.
    pub(crate) fn under(&self, condition: &Text, own_limit: bool, count: Option<u64>) -> Text {
        let mut text = Text::sql("SELECT ");
        text.append(&self.tokens.copied(self.list));
        text.append(&self.source(condition));
        let clauses = [
            ("\nGROUP BY ", self.group_all),
            ("\nHAVING ", self.having),
            ("\nORDER BY ", self.order_all),
        ];
        let limits = [("\nLIMIT ", self.limit), ("\nOFFSET ", self.offset)];
        let limits = limits.into_iter().filter(|_| own_limit);
        for (word, piece) in clauses.into_iter().chain(limits) {
            if let Some(piece) = piece {
                text.push(word);
                text.append(&self.tokens.copied(piece));
            }
        }
        if let Some(count) = count {
            text.push(&format!("\nLIMIT {count}"));
        }
        text
    }

    /// ORDER BY, with nothing but columns of the table in it, for who selects other columns.
    pub(crate) fn order(&self, is_column: &dyn Fn(&str) -> bool) -> Option<Text> {
        let mut terms = Vec::new();
        for term in &self.order {
            let expr = self.without_direction(*term)?;
            let mut text = self.meant(expr, is_column)?;
            text.push(" ");
            text.append(&self.tokens.copied(Piece { from: expr.to, to: term.to }));
            terms.push(text);
        }
        Some(Text::list(&terms))
    }

    /// What a term of ORDER BY stands for.
    fn meant(&self, expr: Piece, is_column: &dyn Fn(&str) -> bool) -> Option<Text> {
        let has_star = self.items.iter().any(|item| item.is_star);
        let is_single = expr.to == expr.from + 1;
        let own = self.tokens.copied(expr);
        if !is_single {
            return Some(own);
        }
        if self.tokens.kind(expr.from) == Some(Kind::Number) {
            let number: usize = self.tokens.text(expr.from).parse().ok()?;
            let item = self.items.get(number.checked_sub(1)?).filter(|_| !has_star)?;
            return Some(self.in_parentheses(item.expr));
        }
        let name = self.tokens.name(expr.from)?;
        if has_star {
            // The names that a star stands for are those of the columns themselves.
            return (self.items.len() == 1 && is_column(&name)).then_some(own);
        }
        let mut named = self.items.iter().filter(|item| *item.name == *name);
        match (named.next(), named.next()) {
            (None, _) => Some(own),
            (Some(item), None) => Some(self.in_parentheses(item.expr)),
            _ => None,
        }
    }

    pub(super) fn in_parentheses(&self, piece: Piece) -> Text {
        let mut text = Text::sql("(");
        text.append(&self.tokens.copied(piece));
        text.push(")");
        text
    }

    /// A term of ORDER BY without ASC, DESC and where NULL stands; nothing where it has USING.
    pub(super) fn without_direction(&self, term: Piece) -> Option<Piece> {
        let tokens = &self.tokens;
        let mut to = term.to;
        let last = |to: usize, words: &[&str]| {
            to > term.from + 1 && words.iter().any(|word| tokens.is(to - 1, word))
        };
        if last(to, &["first", "last"]) && last(to - 1, &["nulls"]) {
            to -= 2;
        }
        if last(to, &["asc", "desc"]) {
            to -= 1;
        }
        let expr = Piece { from: term.from, to };
        let has_using = (expr.from..to).any(|at| tokens.is(at, "using"));
        (!has_using && !expr.is_empty()).then_some(expr)
    }

    /// A piece that is one number or one parameter.
    pub(crate) fn operand(&self, piece: Piece) -> Option<crate::sql::Operand> {
        use crate::sql::Operand;
        if piece.to != piece.from + 1 {
            return None;
        }
        let text = self.tokens.text(piece.from);
        match self.tokens.kind(piece.from)? {
            Kind::Number => text.parse().ok().map(|n| Operand::Literal(Value::Integer(n))),
            Kind::Parameter => text.strip_prefix('$')?.parse().ok().map(Operand::Parameter),
            _ => None,
        }
    }
}

/// The name that the only table goes by.
fn source(tokens: &Tokens, from: Piece) -> Result<Box<str>, Refusal> {
    const OTHER: Refusal = "reads something else than a plain table";
    let alias = aliased(tokens, from.from, from.to).ok_or(OTHER)?;
    match alias {
        (at, end) if end == from.to => Ok(tokens.text(at).into()),
        _ => Err(OTHER),
    }
}

/// The place of the name that a table goes by which is named from `from` on, and where that ends.
pub(super) fn aliased(tokens: &Tokens, from: usize, to: usize) -> Option<(usize, usize)> {
    let mut at = from;
    if !tokens.is_name(at) || tokens.is(at, "only") || tokens.is(at, "lateral") {
        return None;
    }
    while at + 2 < to && tokens.is_sign(at + 1, ".") && tokens.is_name(at + 2) {
        at += 2;
    }
    if at + 2 < to && tokens.is(at + 1, "as") && tokens.is_name(at + 2) {
        return Some((at + 2, at + 3));
    }
    match at + 1 < to && tokens.is_name(at + 1) && !tokens.is(at + 1, "set") {
        true if tokens.is(at + 1, "where") => Some((at, at + 1)),
        true => Some((at + 1, at + 2)),
        false => Some((at, at + 1)),
    }
}

/// Words behind which no name of a result column stands without AS.
const OPERATORS: &[&str] = &[
    "and",
    "or",
    "not",
    "is",
    "in",
    "like",
    "ilike",
    "similar",
    "to",
    "between",
    "collate",
    "from",
    "distinct",
    "any",
    "all",
    "some",
    "at",
    "zone",
    "time",
    "escape",
    "isnull",
    "notnull",
    "case",
    "when",
    "then",
    "else",
    "operator",
    "overlaps",
    "symmetric",
    "select",
];

fn items_of(
    tokens: &Tokens,
    all: Piece,
    names: &[&str],
    width: usize,
) -> Result<Vec<Item>, Refusal> {
    let mut items = Vec::new();
    let mut column = 0;
    for piece in tokens.split(all) {
        if piece.is_empty() {
            return Err("has a result column without a text");
        }
        let is_star = tokens.is_sign(piece.to - 1, "*")
            && (piece.to == piece.from + 1 || tokens.is_sign(piece.to - 2, "."));
        let name = names.get(column).copied().unwrap_or_default();
        let expr = if is_star { piece } else { without_name(tokens, piece, name) };
        column += if is_star { width } else { 1 };
        items.push(Item { expr, is_star, name: name.into() });
    }
    match column == names.len() {
        true => Ok(items),
        false => Err("has another number of result columns than its text shows"),
    }
}

/// A result column without its name.
fn without_name(tokens: &Tokens, piece: Piece, name: &str) -> Piece {
    let last = piece.to - 1;
    if piece.to < piece.from + 2 || tokens.name(last).as_deref() != Some(name) {
        // AS may name a column in a way that is not read here; then the server is told a wrong
        // expression, and refuses it.
        return piece;
    }
    if tokens.is(last - 1, "as") {
        return Piece { from: piece.from, to: last - 1 };
    }
    let ends = match tokens.kind(last - 1) {
        Some(Kind::Word) => !OPERATORS.iter().any(|word| tokens.is(last - 1, word)),
        Some(Kind::Quoted | Kind::Number | Kind::Text | Kind::Blob | Kind::Parameter) => true,
        Some(Kind::Operator) => matches!(tokens.text(last - 1), ")" | "]"),
        _ => false,
    };
    if ends { Piece { from: piece.from, to: last } } else { piece }
}

/// The whole text with tables put before it that go by these names, as WITH does it: a name without
/// its schema means them then.
pub(crate) fn with_table(sql: &str, tables: &Text) -> Result<Text, &'static str> {
    let tokens = Tokens::of(sql)?;
    let mut text = Text::sql("WITH ");
    let mut first = 0;
    if tokens.is(0, "with") {
        first = 1;
        if tokens.is(1, "recursive") {
            text.push("RECURSIVE ");
            first = 2;
        }
    }
    text.append(tables);
    text.push(if first > 0 { ",\n" } else { "\n" });
    text.append(&tokens.copied(Piece { from: first, to: tokens.all().to }));
    Ok(text)
}
