//! Requests read from JSON within bounds: a list is kept only up to its limit. Which limits there
//! are, the doors say; nothing here reads from a connection.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::options::Options;

/// A request of any door.
pub(crate) trait Request: Sized + Send + 'static {
    fn decode(json: &[u8], limits: &Options) -> serde_json::Result<Self>;
}

/// A list up to its limit. Of a longer one nothing is known but how long it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum List<T> {
    Whole(Vec<T>),
    TooLong(usize),
}

/// Reads a list of at most `max` items. What is beyond is counted, and takes no memory.
pub(crate) fn list<'de, T: Deserialize<'de>>(
    json: &'de RawValue,
    max: usize,
) -> serde_json::Result<List<T>> {
    let visitor = ListVisitor { max, item: PhantomData };
    serde_json::Deserializer::from_str(json.get()).deserialize_seq(visitor)
}

struct ListVisitor<T> {
    max: usize,
    item: PhantomData<T>,
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<List<T>, A::Error> {
        let mut items = Vec::new();
        while items.len() < self.max {
            match seq.next_element()? {
                Some(item) => items.push(item),
                None => {
                    items.shrink_to_fit();
                    return Ok(List::Whole(items));
                }
            }
        }
        let mut count = items.len();
        while seq.next_element::<IgnoredAny>()?.is_some() {
            count += 1;
        }
        Ok(if count > items.len() { List::TooLong(count) } else { List::Whole(items) })
    }
}

/// Says where in a request an error was found. Its line and column count from there.
pub(crate) fn within(
    place: impl fmt::Display,
) -> impl FnOnce(serde_json::Error) -> serde_json::Error {
    move |error| de::Error::custom(format_args!("{place}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_kept_up_to_its_limit() {
        for (json, expect) in [
            ("[]", Ok(List::Whole(vec![]))),
            ("[1,2]", Ok(List::Whole(vec![1, 2]))),
            ("[1,2,3]", Ok(List::TooLong(3))),
            // What is beyond the limit need not even be of the right type.
            (r#"[1,2,{"a":[]},null,"x"]"#, Ok(List::TooLong(5))),
            ("[1,null]", Err("invalid type: null")),
            ("null", Err("expected a sequence")),
            (r#"{"a":1}"#, Err("expected a sequence")),
        ] {
            let json: &RawValue = serde_json::from_str(json).unwrap();
            match (list::<i32>(json, 2), expect) {
                (Ok(list), Ok(expect)) => assert_eq!(list, expect, "{json}"),
                (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
                (result, expect) => panic!("{json}: {result:?} instead of {expect:?}"),
            }
        }
    }
}
