//! Cursors: where a page begins or ends, as a text for clients. One is opaque, not secret: it holds
//! the values of the order's columns. It is authenticated, so that only those that were made here
//! are taken, and only for the query and the order that they were made for.
//!
//! A cursor is base64url of a version, 128 bits of HMAC-SHA-256, and the values.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::coding;
use super::sort::Order;
use crate::error::{Error, Kind, Result};
use crate::secret::Secret;
use crate::sql::{Dialect, Fingerprint};
use crate::value::Value;

/// What tells cursors from whatever else the key may be used for.
const PURPOSE: &[u8] = b"forebay cursor\0";

const VERSION: u8 = 1;

/// Bytes of the code that authenticates a cursor.
const CODE_BYTES: usize = 16;

/// Bytes of the values in a cursor at most. It travels in addresses.
const VALUES_BYTES_MAX: usize = 2_048;

/// Bytes of a cursor's text at most.
const TEXT_BYTES_MAX: usize = (1 + CODE_BYTES + VALUES_BYTES_MAX).div_ceil(3) * 4;

/// Makes and opens the cursors of one query in one order.
pub(crate) struct Sealer {
    mac: Hmac<Sha256>,
    columns: usize,
}

impl Sealer {
    pub(crate) fn new(secret: &Secret, sql: &str, dialect: Dialect, order: &Order) -> Sealer {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.bytes())
            .expect("a key of any length is a key of HMAC");
        let binding = order.binding();
        mac.update(PURPOSE);
        mac.update(&[VERSION]);
        mac.update(&Fingerprint::new(sql, dialect).id().to_le_bytes());
        mac.update(&(binding.len() as u64).to_le_bytes());
        mac.update(&binding);
        Sealer { mac, columns: order.sorts.len() }
    }

    /// The cursor with these values.
    pub(crate) fn seal(&self, values: &[&Value]) -> Result<String> {
        let mut payload = Vec::new();
        values.iter().for_each(|value| coding::write(value, &mut payload));
        if payload.len() > VALUES_BYTES_MAX {
            return Err(Error::new(
                Kind::TooLarge,
                format!(
                    "the values by which the page is ordered take more than {VALUES_BYTES_MAX} \
                     bytes, too many for a cursor: order by a shorter column"
                ),
            ));
        }
        let code = self.mac.clone().chain_update(&payload).finalize().into_bytes();
        let mut bytes = vec![VERSION];
        bytes.extend(&code[..CODE_BYTES]);
        bytes.extend(payload);
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The values in a cursor, one for each column of the order.
    pub(crate) fn open(&self, cursor: &str) -> Result<Vec<Value>> {
        self.opened(cursor).ok_or_else(|| {
            Error::new(
                Kind::Cursor,
                "the cursor is not one of this query in this order, or the key has changed since \
                 it was made (Builder::cursor_key keeps it): begin with the first page again",
            )
        })
    }

    fn opened(&self, cursor: &str) -> Option<Vec<Value>> {
        if cursor.len() > TEXT_BYTES_MAX {
            return None;
        }
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?;
        let (version, rest) = bytes.split_first()?;
        let (code, payload) = rest.split_first_chunk::<CODE_BYTES>()?;
        if *version != VERSION {
            return None;
        }
        // In constant time: how much of a forged code is right must not show.
        self.mac.clone().chain_update(payload).verify_truncated_left(code).ok()?;
        coding::read(payload).filter(|values| values.len() == self.columns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::page::Sort;
    use proptest::prelude::*;

    const SQL: &str = "SELECT * FROM t";

    fn order(columns: usize) -> Order {
        let names = (0..columns).map(|n| Sort::asc(n.to_string()).key());
        Order::new(names.collect()).unwrap()
    }

    fn sealer(sql: &str, order: &Order) -> Sealer {
        Sealer::new(&Secret::chosen(&[7; 32]).unwrap(), sql, Dialect::Sqlite, order)
    }

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(|bits| Value::from(f64::from_bits(bits))),
            ".{0,20}".prop_map(Value::from),
            Just(Value::from("a\0b\u{10ffff}")),
            prop::collection::vec(any::<u8>(), 0..40).prop_map(Value::from),
        ]
    }

    proptest! {
        #[test]
        fn whatever_goes_in_comes_out(values in prop::collection::vec(value(), 1..=8)) {
            let sealer = sealer(SQL, &order(values.len()));
            let cursor = sealer.seal(&values.iter().collect::<Vec<_>>()).unwrap();
            let is_of_url = |it: u8| it.is_ascii_alphanumeric() || b"-_".contains(&it);
            prop_assert!(cursor.bytes().all(is_of_url));
            prop_assert_eq!(sealer.open(&cursor).unwrap(), values);
        }

        #[test]
        fn a_changed_cursor_is_refused(
            values in prop::collection::vec(value(), 2..=3),
            at in any::<prop::sample::Index>(),
            by in 1u8..=255,
            cut in any::<prop::sample::Index>(),
        ) {
            let sealer = sealer(SQL, &order(values.len()));
            let cursor = sealer.seal(&values.iter().collect::<Vec<_>>()).unwrap();
            let mut bytes = URL_SAFE_NO_PAD.decode(&cursor).unwrap();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            prop_assert!(sealer.open(&URL_SAFE_NO_PAD.encode(&bytes)).is_err());
            prop_assert!(sealer.open(&cursor[..cut.index(cursor.len())]).is_err());
            let longer = cursor + "A";
            prop_assert!(sealer.open(&longer).is_err());
        }

        #[test]
        fn random_texts_are_refused(text in "[-_A-Za-z0-9]{0,120}|.{0,60}", bytes: Vec<u8>) {
            let sealer = sealer(SQL, &order(1));
            for cursor in [text, URL_SAFE_NO_PAD.encode(&bytes)] {
                let error = sealer.open(&cursor).unwrap_err();
                prop_assert!(error.is_invalid_cursor());
            }
            // Behind the code, which nobody can forge, bytes are read as safely.
            let _ = coding::read(&bytes);
        }
    }

    #[test]
    fn cursors_of_others_are_refused() {
        let two = order(2);
        let values = [&Value::from(1), &Value::from(2)];
        let cursor = sealer(SQL, &two).seal(&values).unwrap();
        let check = |sealer: &Sealer, expect: bool| {
            assert_eq!(sealer.open(&cursor).is_ok(), expect);
        };
        check(&sealer(SQL, &two), true);
        check(&sealer("select  * /* as before */ from T", &two), true);
        check(&sealer("SELECT * FROM u", &two), false);
        let other = Order::new(vec![Sort::asc("0"), Sort::desc("1").key()]).unwrap();
        check(&sealer(SQL, &other), false);
        let other = Order::new(vec![Sort::asc("0").nulls_last(), Sort::asc("1").key()]).unwrap();
        check(&sealer(SQL, &other), false);
        let other = Order::new(vec![Sort::asc("0"), Sort::asc("x").key()]).unwrap();
        check(&sealer(SQL, &other), false);
        let secret = Secret::chosen(&[8; 32]).unwrap();
        check(&Sealer::new(&secret, SQL, Dialect::Sqlite, &two), false);
    }

    #[test]
    fn cursors_are_bounded() {
        let sealer = sealer(SQL, &order(1));
        let longest = "x".repeat(VALUES_BYTES_MAX - 5);
        let cursor = sealer.seal(&[&Value::from(&longest)]).unwrap();
        assert!(cursor.len() <= TEXT_BYTES_MAX);
        assert_eq!(sealer.open(&cursor).unwrap(), [Value::from(&longest)]);
        let error = sealer.seal(&[&Value::from(longest + "x")]).unwrap_err();
        assert!(error.is_too_large(), "{error}");
    }
}
