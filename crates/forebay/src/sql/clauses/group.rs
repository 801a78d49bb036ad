//! Queries whose rows are groups: what each database answers of them, and the statement that makes
//! the answer of these parts. A column that is grouped by, and an aggregate, are replaced where
//! they stand; everything else is copied. Aggregates are taken whose parts can be put together.

use std::cell::RefCell;

use super::cut::{Clauses, Item};
use super::text::{PART, Text, part_name};
use super::tokens::{Piece, Tokens};
use crate::sql::lex::Kind;

/// Aggregates whose parts can be put together.
const AGGREGATES: &[&str] = &[
    "count", "sum", "avg", "min", "max", "bool_and", "bool_or", "every", "bit_and", "bit_or",
    "bit_xor",
];

/// A query in parts, and the statement that puts them together.
#[derive(Clone, Debug)]
pub(crate) struct Regrouped {
    /// Expressions that each database groups by: those of the query, and the arguments of DISTINCT.
    keys: Vec<Text>,
    /// Aggregates that each database is asked for.
    partial: Vec<Partial>,
    merge: Merge,
}

/// An aggregate over the rows of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Partial {
    text: Text,
    /// It is a sum, which must not have lost digits.
    is_sum: bool,
}

/// The statement over the parts.
#[derive(Clone, Debug)]
struct Merge {
    /// With SELECT and DISTINCT, up to FROM.
    select: Text,
    /// From GROUP BY on.
    tail: Text,
}

/// What is grouped by, in a form that can be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Column(String),
    /// Its tokens, words in lower case.
    Tokens(Vec<String>),
}

struct Split<'c> {
    clauses: &'c Clauses,
    columns: &'c [&'c str],
    keys: Vec<(Key, Text)>,
    rest: RefCell<Rest>,
}

#[derive(Default)]
struct Rest {
    /// Arguments of DISTINCT.
    distinct: Vec<Text>,
    partial: Vec<Partial>,
}

type Taken<T> = Result<T, &'static str>;

const NOT_GROUPED: &str = "has a column that is neither grouped by nor in an aggregate";

impl Regrouped {
    /// Takes a query apart; `columns` are those of its table, and `aggregates` all that it has.
    pub(crate) fn of(
        clauses: &Clauses,
        columns: &[&str],
        aggregates: &[Box<str>],
    ) -> Result<Regrouped, &'static str> {
        if aggregates.iter().any(|name| !AGGREGATES.contains(&&**name)) {
            return Err("has an aggregate whose parts cannot be put together");
        }
        if clauses.tokens.sql.to_ascii_lowercase().contains(PART) {
            return Err("uses a name that Forebay uses");
        }
        let mut split =
            Split { clauses, columns, keys: Vec::new(), rest: RefCell::new(Rest::default()) };
        split.group(aggregates.is_empty() && clauses.having.is_none())?;
        let mut select = Text::sql("SELECT ");
        if clauses.is_distinct {
            select.push("DISTINCT ");
        }
        select.append(&Text::list(&split.outputs()?));
        let tail = split.tail()?;
        let Rest { distinct, partial } = split.rest.into_inner();
        let keys: Vec<Text> =
            split.keys.into_iter().map(|(_, text)| text).chain(distinct).collect();
        // Aggregates are counted by themselves until it is known how many keys there are.
        let (select, tail) = (select.behind(keys.len()), tail.behind(keys.len()));
        match keys.is_empty() && partial.is_empty() {
            true => Err("answers constants only"),
            false => Ok(Regrouped { keys, partial, merge: Merge { select, tail } }),
        }
    }

    /// What one database answers: a row for each group, in columns that [`part_name`] names.
    pub(crate) fn parts(&self, clauses: &Clauses, condition: &Text) -> Text {
        let mut text = Text::sql("SELECT ");
        let partial = self.partial.iter().map(|partial| &partial.text);
        for (index, column) in self.keys.iter().chain(partial).enumerate() {
            text.push(if index > 0 { ", " } else { "" });
            text.append(column);
            text.push(&format!(" AS {}", part_name(index)));
        }
        text.append(&clauses.source(condition));
        if !self.keys.is_empty() {
            let numbers: Vec<String> = (1..=self.keys.len()).map(|n| n.to_string()).collect();
            text.push(&format!("\nGROUP BY {}", numbers.join(", ")));
        }
        text
    }

    /// The statement over the parts, which `from` is.
    pub(crate) fn merged(&self, from: &Text) -> Text {
        let mut text = self.merge.select.clone();
        text.push("\nFROM ");
        text.append(from);
        text.append(&self.merge.tail);
        text
    }

    pub(crate) fn width(&self) -> usize {
        self.keys.len() + self.partial.len()
    }

    /// Whether this column of parts is a sum of floats of 32 bits, which has lost digits.
    pub(crate) fn is_rough(&self, index: usize, is_float4: bool) -> bool {
        let partial = index.checked_sub(self.keys.len()).and_then(|at| self.partial.get(at));
        is_float4 && partial.is_some_and(|partial| partial.is_sum)
    }
}

impl Split<'_> {
    fn tokens(&self) -> &Tokens {
        &self.clauses.tokens
    }

    /// Finds what the rows are grouped by. DISTINCT without groups groups by all there is.
    fn group(&mut self, has_no_aggregates: bool) -> Taken<()> {
        let clauses = self.clauses;
        if clauses.group.is_empty() {
            if !clauses.is_distinct || !has_no_aggregates {
                return Ok(());
            }
            for item in &clauses.items {
                self.distinct_item(item)?;
            }
            return Ok(());
        }
        for term in &clauses.group {
            let expr = self.grouped(*term)?;
            self.add_key(expr);
        }
        Ok(())
    }

    fn distinct_item(&mut self, item: &Item) -> Taken<()> {
        if !item.is_star {
            self.add_key(item.expr);
            return Ok(());
        }
        for column in self.columns {
            let text = Text::sql(self.column_sql(column));
            let key = Key::Column((*column).to_owned());
            if !self.keys.iter().any(|(known, _)| *known == key) {
                self.keys.push((key, text));
            }
        }
        Ok(())
    }

    fn column_sql(&self, column: &str) -> String {
        format!("{}.{}", self.clauses.alias, crate::sql::quoted(column))
    }

    fn add_key(&mut self, expr: Piece) {
        let key = self.key(expr);
        if !self.keys.iter().any(|(known, _)| *known == key) {
            self.keys.push((key, self.clauses.in_parentheses(expr)));
        }
    }

    /// What a term of GROUP BY stands for: a number and an alias mean a result column, but a column
    /// of the table goes before an alias.
    fn grouped(&self, term: Piece) -> Taken<Piece> {
        let tokens = self.tokens();
        let words = ["rollup", "cube", "grouping", "distinct", "all"];
        let is_set = words.iter().any(|word| tokens.is(term.from, word));
        let has_list = tokens.is_sign(term.from, "(")
            && tokens.split(Piece { from: term.from + 1, to: term.to - 1 }).len() > 1
            && tokens.close(term.from, term.to) == Some(term.to - 1);
        if term.is_empty() || is_set || has_list {
            return Err("groups by sets or lists of columns");
        }
        if term.to > term.from + 1 {
            return Ok(term);
        }
        let item = match tokens.kind(term.from) {
            Some(Kind::Number) => {
                let number = tokens.text(term.from).parse::<usize>().ok();
                number.and_then(|number| self.clauses.items.get(number.checked_sub(1)?))
            }
            _ => {
                let name = tokens.name(term.from).ok_or(NOT_GROUPED)?;
                if self.columns.contains(&&*name) {
                    return Ok(term);
                }
                self.clauses.items.iter().find(|item| *item.name == *name)
            }
        };
        let has_star = self.clauses.items.iter().any(|item| item.is_star);
        match item.filter(|_| !has_star) {
            Some(item) => Ok(item.expr),
            None => Err("groups by something that is not found in its text"),
        }
    }

    /// A piece in a form that can be compared.
    fn key(&self, piece: Piece) -> Key {
        let piece = self.bare(piece);
        if let Some((column, end)) = self.column_at(piece.from, piece)
            && end == piece.to
        {
            return Key::Column(column);
        }
        Key::Tokens((piece.from..piece.to).map(|at| self.token(at)).collect())
    }

    fn token(&self, at: usize) -> String {
        match self.tokens().kind(at) {
            Some(Kind::Word) => self.tokens().text(at).to_ascii_lowercase(),
            _ => self.tokens().text(at).to_owned(),
        }
    }

    /// A piece without parentheses around it.
    fn bare(&self, piece: Piece) -> Piece {
        let mut piece = piece;
        while self.tokens().is_sign(piece.from, "(")
            && piece.to > piece.from + 2
            && self.tokens().close(piece.from, piece.to) == Some(piece.to - 1)
        {
            piece = Piece { from: piece.from + 1, to: piece.to - 1 };
        }
        piece
    }

    /// The column that a name is which stands where an expression may, and where it ends.
    fn column_at(&self, at: usize, within: Piece) -> Option<(String, usize)> {
        let tokens = self.tokens();
        if !tokens.is_name(at) || (at > within.from && tokens.is_sign(at - 1, ".")) {
            return None;
        }
        let is_alias = tokens.name(at).is_some_and(|name| self.alias() == Some(name));
        if is_alias && tokens.is_sign(at + 1, ".") && tokens.is_name(at + 2) {
            let name = tokens.name(at + 2)?;
            return self.columns.contains(&&*name).then_some((name, at + 3));
        }
        let name = tokens.name(at).filter(|name| self.columns.contains(&&**name))?;
        let before = |sign| at > within.from && tokens.is_sign(at - 1, sign);
        let is_type = before(":") || (at > within.from && tokens.is(at - 1, "as"));
        let is_field = at > within.from + 1 && before("(") && tokens.is(at - 2, "extract");
        let is_unit = at > within.from && tokens.kind(at - 1) == Some(Kind::Text);
        let is_collation = at > within.from && tokens.is(at - 1, "collate");
        let calls = tokens.is_sign(at + 1, "(") && at + 1 < within.to;
        let is_more = at + 1 < within.to
            && (tokens.is_sign(at + 1, ".") || tokens.kind(at + 1) == Some(Kind::Text));
        let is_other = is_type || is_field || is_unit || is_collation || calls || is_more;
        (!is_other).then_some((name, at + 1))
    }

    fn alias(&self) -> Option<String> {
        Tokens::of(&self.clauses.alias).ok()?.name(0)
    }

    fn outputs(&self) -> Taken<Vec<Text>> {
        let mut outputs = Vec::new();
        for item in &self.clauses.items {
            if item.is_star {
                outputs.extend(self.star()?);
                continue;
            }
            let mut text = self.merged(item.expr)?;
            text.push(&format!(" AS {}", crate::sql::quoted(&item.name)));
            outputs.push(text);
        }
        Ok(outputs)
    }

    fn star(&self) -> Taken<Vec<Text>> {
        let output = |column: &&str| {
            let wanted = Key::Column((**column).to_owned());
            let index = self.keys.iter().position(|(key, _)| *key == wanted).ok_or(NOT_GROUPED)?;
            Ok(Text::sql(format!("{} AS {}", part_name(index), crate::sql::quoted(column))))
        };
        self.columns.iter().map(output).collect()
    }

    /// From GROUP BY on.
    fn tail(&self) -> Taken<Text> {
        let clauses = self.clauses;
        let mut tail = Text::default();
        if !clauses.group.is_empty() {
            let names: Vec<String> = (0..self.keys.len()).map(part_name).collect();
            tail.push(&format!("\nGROUP BY {}", names.join(", ")));
        }
        if let Some(having) = clauses.having {
            tail.push("\nHAVING ");
            tail.append(&self.merged(having)?);
        }
        for (index, term) in clauses.order.iter().enumerate() {
            tail.push(if index > 0 { ", " } else { "\nORDER BY " });
            tail.append(&self.sorted(*term)?);
        }
        for (word, piece) in [("\nLIMIT ", clauses.limit), ("\nOFFSET ", clauses.offset)] {
            if let Some(piece) = piece {
                tail.push(word);
                tail.append(&clauses.tokens.copied(piece));
            }
        }
        Ok(tail)
    }

    /// A term of ORDER BY: alone, a number and the name of a result column mean that.
    fn sorted(&self, term: Piece) -> Taken<Text> {
        let tokens = self.tokens();
        let expr = self.clauses.without_direction(term).ok_or("orders by USING")?;
        let has_star = self.clauses.items.iter().any(|item| item.is_star);
        let is_output = expr.to == expr.from + 1
            && match tokens.kind(expr.from) {
                Some(Kind::Number) => true,
                _ => tokens.name(expr.from).is_some_and(|name| {
                    !has_star && self.clauses.items.iter().any(|item| *item.name == *name)
                }),
            };
        let mut text = match is_output {
            true => tokens.copied(expr),
            false => self.merged(expr)?,
        };
        text.push(" ");
        text.append(&tokens.copied(Piece { from: expr.to, to: term.to }));
        Ok(text)
    }

    /// The expression over the parts.
    fn merged(&self, piece: Piece) -> Taken<Text> {
        let whole = self.key(piece);
        if let Some(index) = self.keys.iter().position(|(key, _)| *key == whole) {
            return Ok(Text::sql(part_name(index)));
        }
        let mut text = Text::default();
        let mut at = piece.from;
        while at < piece.to {
            if at > piece.from {
                self.tokens().copy_gap(at, &mut text);
            }
            if let Some((merged, end)) = self.aggregate_at(at, piece)? {
                text.append(&merged);
                at = end;
            } else if let Some((column, end)) = self.column_at(at, piece) {
                let wanted = Key::Column(column);
                let index = self.keys.iter().position(|(key, _)| *key == wanted);
                text.push(&part_name(index.ok_or(NOT_GROUPED)?));
                at = end;
            } else if let Some((index, end)) = self.call_at(at, piece) {
                text.push(&part_name(index));
                at = end;
            } else {
                self.tokens().copy(at, true, &mut text);
                at += 1;
            }
        }
        Ok(text)
    }

    /// A call that is grouped by, and where it ends: nothing can bind more tightly to a part of it.
    fn call_at(&self, at: usize, within: Piece) -> Option<(usize, usize)> {
        let tokens = self.tokens();
        let is_call = tokens.kind(at) == Some(Kind::Word) && tokens.is_sign(at + 1, "(");
        if !is_call
            || (at > within.from && (tokens.is_sign(at - 1, ".") || tokens.is_sign(at - 1, ":")))
        {
            return None;
        }
        let end = tokens.close(at + 1, within.to)? + 1;
        let wanted = self.key(Piece { from: at, to: end });
        let index = self.keys.iter().position(|(key, _)| *key == wanted)?;
        let goes_on = end < within.to && (tokens.is_sign(end, ".") || tokens.is_sign(end, "("));
        (!goes_on).then_some((index, end))
    }

    /// An aggregate over the parts in place of one over rows, and where that ends.
    fn aggregate_at(&self, at: usize, within: Piece) -> Taken<Option<(Text, usize)>> {
        let tokens = self.tokens();
        let name = match tokens.kind(at) {
            Some(Kind::Word) if tokens.is_sign(at + 1, "(") => tokens.text(at).to_ascii_lowercase(),
            _ => return Ok(None),
        };
        let is_schema = at > within.from && tokens.is_sign(at - 1, ".");
        if !AGGREGATES.contains(&&*name) {
            return Ok(None);
        }
        let close = tokens.close(at + 1, within.to).ok_or("has parentheses that do not match")?;
        let mut end = close + 1;
        let mut filter = Text::default();
        if end < within.to && tokens.is(end, "filter") {
            let close = tokens.close(end + 1, within.to).ok_or("has an odd FILTER")?;
            filter.push(" ");
            filter.append(&tokens.copied(Piece { from: end, to: close + 1 }));
            end = close + 1;
        }
        let goes_on = end < within.to && ["over", "within"].iter().any(|it| tokens.is(end, it));
        if is_schema || goes_on {
            return Err("has an aggregate in a form that cannot be taken apart");
        }
        let args = Piece { from: at + 2, to: close };
        self.aggregate(&name, args, &filter).map(|text| Some((text, end)))
    }

    fn aggregate(&self, name: &str, args: Piece, filter: &Text) -> Taken<Text> {
        let tokens = self.tokens();
        let is_distinct = tokens.is(args.from, "distinct");
        let odd = ["all", "variadic"].iter().any(|word| tokens.is(args.from, word));
        let ordered = (args.from..args.to).any(|at| tokens.is(at, "order"));
        if args.is_empty() || odd || ordered || tokens.split(args).len() > 1 {
            return Err("has an aggregate in a form that cannot be taken apart");
        }
        let is_any = matches!(name, "min" | "max" | "bool_and" | "bool_or" | "every");
        let of_bits = name.starts_with("bit_");
        let arg = Piece { from: args.from + usize::from(is_distinct), to: args.to };
        if is_distinct && !is_any {
            if *filter != Text::default() || of_bits {
                return Err("has DISTINCT and FILTER in one aggregate");
            }
            let place = self.add_distinct(self.clauses.in_parentheses(arg));
            return Ok(Text::sql(format!("{name}(DISTINCT {})", part_name(place))));
        }
        let call = |name: &str, is_sum: bool| {
            let mut text = Text::sql(format!("{name}("));
            text.append(&tokens.copied(arg));
            text.push(")");
            text.append(filter);
            self.add_partial(Partial { text, is_sum })
        };
        let mut text = Text::sql("(");
        match name {
            "count" => {
                text.push("coalesce(sum(");
                text.push_part(call("count", false));
                text.push("), 0)::pg_catalog.int8");
            }
            "sum" => {
                let part = call("sum", true);
                text.push("sum(");
                text.push_part(part);
                text.push(")::");
                text.push_type(part);
            }
            "avg" => {
                text.push("sum(");
                text.push_part(call("sum", true));
                text.push(") / sum(");
                text.push_part(call("count", false));
                text.push(")");
            }
            other => {
                text.push(&format!("{other}("));
                text.push_part(call(other, false));
                text.push(")");
            }
        }
        text.push(")");
        Ok(text)
    }

    fn add_partial(&self, partial: Partial) -> usize {
        place_of(&mut self.rest.borrow_mut().partial, partial)
    }

    /// The place of an argument of DISTINCT among the keys, if that is one; else among the others.
    fn add_distinct(&self, text: Text) -> usize {
        self.keys.len() + place_of(&mut self.rest.borrow_mut().distinct, text)
    }
}

/// Where an item stands in a list, to which it is added if it is new.
fn place_of<T: PartialEq>(list: &mut Vec<T>, item: T) -> usize {
    list.iter().position(|known| *known == item).unwrap_or_else(|| {
        list.push(item);
        list.len() - 1
    })
}
