//! Texts as parameters: what the server does not read in the form in which Forebay writes it is
//! put into a form that it does, and what it would take for something else is refused.

use std::borrow::Cow;

use super::oid::Codec;
use super::{calendar, interval};
use crate::json::{Malformed, unhex};

/// Why a text is not bound. What it holds is in no error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// It has a character that PostgreSQL's texts cannot have.
    Nul,
    /// It is to be bytes, and is not hexadecimal.
    Hex,
    /// It begins as a JSON list does, and is none.
    List,
    /// The list has an object, for elements that are not JSON.
    Element,
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Refused {
        Refused::List
    }
}

/// The text of a scalar as the server reads it.
pub(super) fn text(codec: Codec, text: &str) -> Result<Cow<'_, str>, Refused> {
    if text.contains('\0') {
        return Err(Refused::Nul);
    }
    let other = match codec {
        Codec::Date | Codec::Timestamp | Codec::Timestamptz => calendar::server_form(text),
        Codec::Interval => interval::server_form(text),
        Codec::Bytea if unhex(text).is_none() => return Err(Refused::Hex),
        _ => None,
    };
    Ok(other.map_or(Cow::Borrowed(text), Cow::Owned))
}
