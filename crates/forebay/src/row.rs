//! Rows as they are answered and cached: immutable, shared, cheap to clone. Decoding into a
//! caller's types is in `decode`.

use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name, as the statement gives it.
    pub name: Box<str>,
    /// The declared type of the table column it comes from; `None` for an expression.
    pub declared: Option<Box<str>>,
    /// How its values are to be understood.
    pub kind: ColumnKind,
}

/// How the values of a column are to be understood, where that is more than the value says.
///
/// A type that asks for what the column has is given it: a `Vec` its array, a struct its JSON, a
/// `bool` its boolean. Columns of SQLite are [`ColumnKind::Plain`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ColumnKind {
    /// As they are.
    #[default]
    Plain,
    /// The integers 0 and 1 are false and true.
    Bool,
    /// Texts are the digits of a number, of which none is lost: `1.00`, or `NaN`, `Infinity`,
    /// `-Infinity`.
    Decimal,
    /// Texts are JSON.
    Json,
    /// Texts are JSON lists, one in another where the array has several dimensions.
    Array(ElementKind),
}

/// What the elements of a [`ColumnKind::Array`] are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ElementKind {
    /// Integers, booleans and texts, as JSON has them.
    #[default]
    Plain,
    /// Floats; those that JSON has no number for are the strings `NaN`, `Infinity`, `-Infinity`.
    Real,
    /// Numbers whose digits all count, and the same strings.
    Decimal,
    /// JSON.
    Json,
    /// Bytes, as strings of `\x` and two hexadecimal digits for each.
    Bytes,
}

/// All rows of one answer. A clone shares them.
#[derive(Clone)]
pub struct Rows(Arc<Inner>);

struct Inner {
    columns: Arc<[Column]>,
    /// Row by row; the length is a multiple of the number of columns.
    values: Vec<Value>,
    len: usize,
    size: usize,
}

impl Rows {
    /// `values` holds the rows one after another, `columns.len()` values each.
    pub(crate) fn new(columns: Arc<[Column]>, values: Vec<Value>) -> Rows {
        let len = values.len().checked_div(columns.len()).unwrap_or(0);
        assert_eq!(len * columns.len(), values.len(), "every row has a value for every column");
        let names: usize =
            columns.iter().map(|column| size_of::<Column>() + column.name.len()).sum();
        let size = names + values.iter().map(Value::size).sum::<usize>() + size_of::<Inner>();
        Rows(Arc::new(Inner { columns, values, len, size }))
    }

    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        &self.0.columns
    }

    pub(crate) fn columns_arc(&self) -> Arc<[Column]> {
        self.0.columns.clone()
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// Whether these are the same rows, not equal ones.
    pub(crate) fn is_same(&self, other: &Rows) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Bytes that the rows take in memory.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// Bytes of the values alone. Cost: one pass over them.
    pub(crate) fn values_size(&self) -> usize {
        self.0.values.iter().map(Value::size).sum()
    }

    /// The columns and values, if nobody else has them.
    pub(crate) fn into_parts(self) -> Result<(Arc<[Column]>, Vec<Value>), Rows> {
        match Arc::try_unwrap(self.0) {
            Ok(inner) => Ok((inner.columns, inner.values)),
            Err(inner) => Err(Rows(inner)),
        }
    }

    /// The row at `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<Row> {
        (index < self.0.len).then(|| Row { rows: self.clone(), index })
    }

    /// All rows, first to last.
    pub fn iter(&self) -> impl Iterator<Item = Row> + '_ {
        (0..self.0.len).map(|index| Row { rows: self.clone(), index })
    }

    /// The values of the row at `index`, without a `Row` around them.
    pub fn values(&self, index: usize) -> &[Value] {
        let width = self.0.columns.len();
        &self.0.values[index * width..(index + 1) * width]
    }
}

/// By what rows are known again that somebody else keeps; it keeps none itself.
#[cfg(feature = "postgres")]
pub(crate) struct Trace(std::sync::Weak<Inner>);

#[cfg(feature = "postgres")]
impl Rows {
    /// See [`Trace`]: the same rows, not equal ones.
    pub(crate) fn trace(&self) -> Trace {
        Trace(Arc::downgrade(&self.0))
    }

    /// What no other rows have as long as there are these or a trace of them.
    pub(crate) fn place(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }
}

#[cfg(feature = "postgres")]
impl Trace {
    /// Whether nobody has the rows any more.
    pub(crate) fn is_gone(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl PartialEq for Rows {
    fn eq(&self, other: &Rows) -> bool {
        self.0.columns == other.0.columns && self.0.values == other.0.values
    }
}

impl fmt::Debug for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries((0..self.len()).map(|index| self.values(index))).finish()
    }
}

/// One row. A clone shares the values.
#[derive(Clone)]
pub struct Row {
    rows: Rows,
    index: usize,
}

impl Row {
    /// The columns, in order.
    pub fn columns(&self) -> &[Column] {
        self.rows.columns()
    }

    /// The values, in the order of the columns.
    pub fn values(&self) -> &[Value] {
        self.rows.values(self.index)
    }

    /// The value of the first column called `name`.
    pub fn value(&self, name: &str) -> Option<&Value> {
        let index = self.columns().iter().position(|column| &*column.name == name)?;
        self.values().get(index)
    }
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.columns() == other.columns() && self.values() == other.values()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.columns().iter().map(|column| &column.name);
        f.debug_map().entries(names.zip(self.values())).finish()
    }
}
