//! Random FROM clauses: every kind of join, over tables, views, subqueries and themselves.

use super::draft::{Draft, Source};
use crate::feature::Feature;

/// A FROM clause and what it offers.
pub(crate) struct From {
    pub(crate) sql: String,
    pub(crate) sources: Vec<Source>,
    /// A condition that the WHERE clause has to hold, so that the rows stay few.
    pub(crate) link: Option<String>,
}

impl Draft<'_> {
    /// One source, or a join of two or three.
    pub(crate) fn from(&mut self) -> Option<From> {
        match self.rng.u8(..10) {
            0..5 => self.single(),
            5..9 => self.joined(2),
            _ => self.joined(3),
        }
    }

    pub(crate) fn single(&mut self) -> Option<From> {
        let (sql, source) = self.any_source()?;
        Some(From { sql, sources: vec![source], link: None })
    }

    /// A table, a view or, where there is depth left, a subquery.
    fn any_source(&mut self) -> Option<(String, Source)> {
        if self.depth < super::condition::DEPTH_MAX
            && self.once_in(12)
            && let Some(derived) = self.derived()
        {
            return Some(derived);
        }
        self.source()
    }

    pub(crate) fn joined(&mut self, count: usize) -> Option<From> {
        let (first, source) = self.any_source()?;
        let mut from = From { sql: first, sources: vec![source], link: None };
        if count == 3 && self.once_in(3) {
            return self.nested(from);
        }
        for _ in 1..count {
            let (text, source) = self.partner(&from)?;
            self.join(&mut from, &text, source);
        }
        Some(from)
    }

    /// The other side of a join: now and then the same table again.
    fn partner(&mut self, from: &From) -> Option<(String, Source)> {
        if self.once_in(8) {
            let name = from.sql.split(' ').next().unwrap_or_default().to_owned();
            if let Some(relation) = self.schema.find(&name).cloned() {
                self.note(Feature::SelfJoin);
                return Some(self.source_of(&relation));
            }
        }
        self.any_source()
    }

    /// `a JOIN (b LEFT JOIN c ON ..) ON ..`
    fn nested(&mut self, mut from: From) -> Option<From> {
        self.note(Feature::NestedJoin);
        let (first, source) = self.source()?;
        let (second, other) = self.source()?;
        let inner_on = self.link(std::slice::from_ref(&source), &other);
        let inner = self.kind();
        let on = self.link(&from.sources, &source);
        let outer = self.kind();
        from.sql = format!("{} {outer} ({first} {inner} {second} ON {inner_on}) ON {on}", from.sql);
        from.sources.extend([source, other]);
        Some(from)
    }

    /// A kind of join that has an ON clause.
    fn kind(&mut self) -> &'static str {
        let (kind, feature) = [
            ("JOIN", Feature::InnerJoin),
            ("INNER JOIN", Feature::InnerJoin),
            ("LEFT JOIN", Feature::LeftJoin),
            ("LEFT OUTER JOIN", Feature::LeftJoin),
            ("RIGHT JOIN", Feature::RightJoin),
            ("FULL JOIN", Feature::FullJoin),
            ("CROSS JOIN", Feature::CrossJoin),
        ][self.rng.usize(..7)];
        self.note(feature);
        kind
    }

    fn join(&mut self, from: &mut From, text: &str, source: Source) {
        let shared = shared_names(&from.sources, &source);
        match self.rng.u8(..12) {
            0..3 if !shared.is_empty() => {
                self.note(Feature::Using);
                let kind = self.kind();
                from.sql = format!("{} {kind} {text} USING ({})", from.sql, shared[0]);
            }
            3 if !shared.is_empty() && from.sources.len() == 1 => {
                self.note(Feature::NaturalJoin);
                let kind = ["", "LEFT ", "FULL "][self.rng.usize(..3)];
                from.sql = format!("{} NATURAL {kind}JOIN {text}", from.sql);
            }
            4 | 5 => {
                self.note(Feature::CommaJoin);
                let link = self.link(&from.sources, &source);
                from.sql = format!("{}, {text}", from.sql);
                from.link = Some(match from.link.take() {
                    Some(known) => format!("{known} AND {link}"),
                    None => link,
                });
            }
            _ => {
                let on = self.link(&from.sources, &source);
                let kind = self.kind();
                from.sql = format!("{} {kind} {text} ON {on}", from.sql);
            }
        }
        from.sources.push(source);
    }

    /// A condition that ties `source` to one of `sources`, often with a filter on one side.
    fn link(&mut self, sources: &[Source], source: &Source) -> String {
        let ((a, _), (b, _)) = (self.column(sources), self.column_of(source));
        self.look_at(&a);
        self.look_at(&b);
        let mut link = format!("{a} = {b}");
        if self.once_in(3) {
            let (name, column) = self.column_of(source);
            link += &format!(" AND {}", self.equal(&name, &column));
        }
        if self.once_in(8) {
            let (name, column) = self.column(sources);
            link += &format!(" AND {}", self.equal(&name, &column));
        }
        link
    }
}

/// Names that can stand in USING: of `source` and of exactly one of the others.
fn shared_names(sources: &[Source], source: &Source) -> Vec<String> {
    let count = |name: &str| {
        sources.iter().flat_map(|known| &known.columns).filter(|known| known.name == name).count()
    };
    let names = source.columns.iter().map(|column| &column.name);
    names.filter(|name| count(name) == 1).cloned().collect()
}
