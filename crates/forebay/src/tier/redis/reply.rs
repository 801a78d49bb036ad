//! Replies taken apart. A reply of another form than expected is nothing, never a panic.

use std::time::Duration;

use redis::Value;

use super::roll::Others;

/// The longest anybody may be on a roll, whatever the server says.
const ROLL_MAX: Duration = Duration::from_secs(60);

/// A value that is there or not.
pub(super) fn bytes(reply: Value) -> Option<Option<Vec<u8>>> {
    match reply {
        Value::Nil => Some(None),
        Value::BulkString(bytes) => Some(Some(bytes)),
        Value::SimpleString(text) => Some(Some(text.into_bytes())),
        Value::Okay => Some(Some(b"OK".to_vec())),
        _ => None,
    }
}

pub(super) fn list(reply: Value) -> Option<Vec<Value>> {
    match reply {
        Value::Array(parts) => Some(parts),
        _ => None,
    }
}

/// A number, as one or as text.
pub(super) fn number<T: std::str::FromStr + TryFrom<i64>>(reply: Value) -> Option<T> {
    match reply {
        Value::Int(number) => T::try_from(number).ok(),
        reply => str::from_utf8(&bytes(reply)??).ok()?.parse().ok(),
    }
}

pub(super) fn text(reply: Value) -> Option<String> {
    String::from_utf8(bytes(reply)??).ok()
}

/// A number, then who is on the roll and for how many milliseconds.
pub(super) fn others(reply: Value) -> Option<(u64, Others)> {
    let mut parts = list(reply)?.into_iter();
    let first = number(parts.next()?)?;
    let mut others = Others::new();
    while let Some(who) = parts.next() {
        let time = Duration::from_millis(number(parts.next()?)?);
        others.push((text(who)?, time.min(ROLL_MAX)));
    }
    Some((first, others))
}

/// Who has which slots, as CLUSTER SLOTS says it: first, last, host, port.
pub(super) fn slots(reply: Value) -> Option<Vec<(u16, u16, String, u16)>> {
    let one = |range: Value| {
        let mut parts = list(range)?.into_iter();
        let (first, last) = (number(parts.next()?)?, number(parts.next()?)?);
        let mut master = list(parts.next()?)?.into_iter();
        let host = bytes(master.next()?)?.unwrap_or_default();
        Some((first, last, String::from_utf8(host).ok()?, number(master.next()?)?))
    };
    list(reply)?.into_iter().map(one).collect()
}

/// Where to go on, and the names of this step, as SCAN says it.
pub(super) fn scanned(reply: Value) -> Option<(Vec<u8>, Vec<Vec<u8>>)> {
    let mut parts = list(reply)?.into_iter();
    let cursor = bytes(parts.next()?)??;
    let names = list(parts.next()?)?.into_iter().map(|name| bytes(name)?);
    Some((cursor, names.collect::<Option<_>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bulk(text: &str) -> Value {
        Value::BulkString(text.as_bytes().to_vec())
    }

    #[test]
    fn rolls_are_read() {
        let reply = Value::Array(vec![bulk("1"), bulk("a"), bulk("20"), bulk("b"), bulk("999999")]);
        let expect = vec![("a".to_owned(), Duration::from_millis(20)), ("b".to_owned(), ROLL_MAX)];
        assert_eq!(others(reply), Some((1, expect)));
    }

    #[test]
    fn what_has_another_form_is_nothing() {
        let odd = [
            Value::Nil,
            Value::Int(-1),
            Value::Okay,
            Value::Array(vec![]),
            Value::Array(vec![Value::Nil, Value::Nil]),
            Value::Array(vec![bulk("1"), bulk("a")]),
            Value::Array(vec![bulk("1"), bulk("a"), bulk("x")]),
            Value::Map(vec![]),
            Value::Double(1.5),
            Value::BulkString(vec![0xff]),
        ];
        for reply in odd {
            assert_eq!(others(reply.clone()), None, "{reply:?}");
            assert_eq!(scanned(reply.clone()), None, "{reply:?}");
            assert!(slots(reply.clone()).is_none_or(|slots| slots.is_empty()), "{reply:?}");
            assert_eq!(number::<u64>(reply.clone()), None, "{reply:?}");
        }
    }
}
