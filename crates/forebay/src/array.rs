//! A list as one parameter. There is no value for lists: they travel as JSON texts, and the
//! database's backend makes of them what the parameter's type wants.

use crate::error::Error;
use crate::json;
use crate::value::Value;

/// The elements of an array parameter, such as that of `WHERE id = ANY($1)` in PostgreSQL, or of
/// `WHERE id IN (SELECT value FROM json_each(?))` in SQLite.
///
/// It becomes a JSON text: `[1,2,null]`. An element is whatever may be bound by itself; bytes are
/// strings `\x…` of hexadecimal digits, and floats that JSON has no number for the strings `NaN`,
/// `Infinity` and `-Infinity`. Types that are bound as text, such as UUIDs, are made text first:
///
/// ```
/// # use forebay::{Array, Value};
/// let ids = [1, 2, 3];
/// assert_eq!(Value::try_from(Array(&ids))?, Value::from("[1,2,3]"));
/// let names = vec![Some("a"), None];
/// assert_eq!(Value::try_from(Array(&names))?, Value::from(r#"["a",null]"#));
/// # Ok::<_, forebay::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Array<'a, T>(pub &'a [T]);

impl<T> TryFrom<Array<'_, T>> for Value
where
    T: Clone + TryInto<Value>,
    <T as TryInto<Value>>::Error: Into<Error>,
{
    type Error = Error;

    fn try_from(array: Array<'_, T>) -> Result<Value, Error> {
        let mut list = String::from("[");
        for (index, element) in array.0.iter().enumerate() {
            if index > 0 {
                list.push(',');
            }
            json::value(&element.clone().try_into().map_err(Into::into)?, &mut list);
        }
        list.push(']');
        Ok(list.into())
    }
}
