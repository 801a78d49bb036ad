//! Requests read from JSON within bounds: what decoding a body will take is known before it is
//! done, and a list is kept only up to its limit. Which limits there are, the doors say; nothing
//! here reads from a connection.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::options::Options;

/// What a value takes in memory, beside its bytes of text, at the most.
const VALUE_BYTES: usize = 96;

/// How often the bytes of a body are in memory at once: as it came, decoded, in the statement
/// they are bound to, and in the database that runs it.
pub(crate) const BODY_COPIES: usize = 4;

/// A request of any door.
pub(crate) trait Request: Sized + Send + 'static {
    /// The bytes of JSON of which there is at least one for each value that is decoded into
    /// memory of its own: objects and arrays, unless a door keeps numbers too.
    const VALUE_MARKS: &'static [u8] = b"{[";

    fn decode(json: &[u8], limits: &Options) -> serde_json::Result<Self>;
}

/// What `json` takes once it is decoded.
pub(crate) fn weight<T: Request>(json: &[u8]) -> usize {
    BODY_COPIES * json.len() + VALUE_BYTES * values(json, T::VALUE_MARKS)
}

fn values(json: &[u8], marks: &[u8]) -> usize {
    let mut count = 0;
    let mut bytes = json.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'"' {
            skip_text(&mut bytes);
        } else if marks.contains(byte) {
            count += 1;
        }
    }
    count
}

fn skip_text(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
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
    fn values_are_counted_outside_of_texts() {
        for (json, marks, expect) in [
            ("", "{[", 0),
            ("{}", "{[", 1),
            (r#"{"a":[1,2,{"b":"{[,"}]}"#, "{[", 3),
            (r#"{"a":[1,2,{"b":"{[,"}]}"#, "{[,", 5),
            (r#"["\"[",[]]"#, "{[", 2),
            (r#"["\\",[]]"#, "{[", 2),
            (r#"["[[["#, "{[", 1),
            (r#"["\"#, "{[", 1),
        ] {
            assert_eq!(values(json.as_bytes(), marks.as_bytes()), expect, "{json}");
        }
    }

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
