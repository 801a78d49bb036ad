//! Names of columns, one or several, as a caller gives them.

/// Names of columns: one text, or an array, slice or `Vec` of texts.
///
/// They are taken as they are: quoted, so that nothing in them is SQL. PostgreSQL tells upper from
/// lower case then, SQLite does not.
pub trait BulkColumns {
    #[doc(hidden)]
    fn into_names(self) -> Vec<Box<str>>;
}

impl BulkColumns for &str {
    fn into_names(self) -> Vec<Box<str>> {
        vec![self.into()]
    }
}

impl BulkColumns for &String {
    fn into_names(self) -> Vec<Box<str>> {
        vec![self.as_str().into()]
    }
}

impl<T: AsRef<str>, const N: usize> BulkColumns for [T; N] {
    fn into_names(self) -> Vec<Box<str>> {
        self.iter().map(|name| name.as_ref().into()).collect()
    }
}

impl<T: AsRef<str>> BulkColumns for &[T] {
    fn into_names(self) -> Vec<Box<str>> {
        self.iter().map(|name| name.as_ref().into()).collect()
    }
}

impl<T: AsRef<str>> BulkColumns for Vec<T> {
    fn into_names(self) -> Vec<Box<str>> {
        self.as_slice().into_names()
    }
}
