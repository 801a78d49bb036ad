//! Rows into the types of the caller, through serde.

use serde::de::DeserializeOwned;

use crate::error::Result;
use crate::row::{Column, Rows};
use crate::value::Value;

pub(crate) fn row<T: DeserializeOwned>(_columns: &[Column], _values: &[Value]) -> Result<T> {
    todo!()
}

pub(crate) fn at<T: DeserializeOwned>(_rows: &Rows, _index: usize) -> Result<T> {
    todo!()
}

pub(crate) fn all<T: DeserializeOwned>(_rows: &Rows) -> Result<Vec<T>> {
    todo!()
}

pub(crate) fn scalar<T: DeserializeOwned>(_columns: &[Column], _values: &[Value]) -> Result<T> {
    todo!()
}
