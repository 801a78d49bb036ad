//! What a statement is made of, as a set of names: the rows of the coverage table.

/// Parts of statements, by kind.
macro_rules! features {
    ($($variant:ident = $name:literal,)*) => {
        /// A part of a statement that the coverage table has a row for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Feature { $($variant,)* }

        impl Feature {
            pub(crate) const NAMES: &'static [&'static str] = &[$($name,)*];
        }
    };
}

features! {
    Equal = "c = v",
    CompositeKey = "several columns = values",
    In = "IN (list)",
    InSelect = "IN (SELECT)",
    NotIn = "NOT IN",
    Range = "range",
    Between = "BETWEEN",
    IsNull = "IS NULL / IS v",
    NotEqual = "<>",
    Or = "OR",
    Not = "NOT",
    Collate = "COLLATE",
    RowValue = "row value",
    Like = "LIKE / GLOB",
    Expression = "predicate over an expression",
    ColumnPair = "c = c",
    Partner = "join told by its other side",
    OtherClass = "value of another class",
    Parameter = "parameter",
    Literal = "literal",
    InnerJoin = "inner join",
    CommaJoin = "comma join",
    LeftJoin = "LEFT JOIN",
    RightJoin = "RIGHT JOIN",
    FullJoin = "FULL JOIN",
    CrossJoin = "CROSS JOIN",
    NaturalJoin = "NATURAL JOIN",
    Using = "USING",
    NestedJoin = "nested join",
    SelfJoin = "self join",
    Star = "SELECT *",
    Aggregate = "aggregate",
    GroupBy = "GROUP BY",
    Having = "HAVING",
    Distinct = "DISTINCT",
    Window = "window",
    Scalar = "scalar subquery",
    Exists = "EXISTS",
    NotExists = "NOT EXISTS",
    Correlated = "correlated subquery",
    Derived = "subquery in FROM",
    Cte = "CTE",
    CteTwice = "CTE used twice",
    Recursive = "recursive CTE",
    UnionAll = "UNION ALL",
    Union = "UNION",
    Intersect = "INTERSECT",
    Except = "EXCEPT",
    OrderBy = "ORDER BY",
    Limit = "LIMIT",
    Offset = "OFFSET",
    Descending = "DESC",
    NullsOrder = "NULLS FIRST / LAST",
    TopK = "page of one table",
    View = "view",
    Generated = "generated column",
    Strict = "STRICT table",
    WithoutRowid = "WITHOUT ROWID table",
    Rowid = "rowid",
    Case = "CASE",
    Function = "function",
    JsonEach = "json_each",
    Volatile = "volatile function",
    System = "table of SQLite's own",
    NoTable = "no table",
    Aggregated = "aggregate with ORDER BY or FILTER",
    Values = "VALUES",
    IndexedBy = "NOT INDEXED",
    Table = "whole table",
}

/// A set of features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Features(u128);

impl Features {
    pub(crate) fn add(&mut self, feature: Feature) {
        self.0 |= 1 << feature as u32;
    }

    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Feature::NAMES
            .iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 >> bit & 1 == 1)
            .map(|(_, name)| *name)
    }
}
