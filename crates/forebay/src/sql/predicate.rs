//! stub
use crate::value::Value;
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Occurrence {
    pub table: Box<str>,
    pub conjuncts: Vec<Conjunct>,
    pub top: Option<Top>,
}
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Conjunct {
    pub column: u16,
    pub affinity: Affinity,
    pub collation: Collation,
    pub test: Test,
}
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Test {
    OneOf(Vec<Operand>),
    Null,
    Range { low: Option<Bound>, high: Option<Bound> },
}
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bound {
    pub operand: Operand,
    pub inclusive: bool,
}
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Literal(Value),
    Parameter(usize),
}
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Top {
    pub column: u16,
    pub affinity: Affinity,
    pub collation: Collation,
    pub descending: bool,
    pub output: usize,
    pub limit: Operand,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Affinity {
    Blob,
    Text,
    Numeric,
    Integer,
    Real,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Collation {
    Binary,
    Nocase,
    Rtrim,
}
