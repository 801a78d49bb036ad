//! A key that must not show: it is in no log and in no `Debug`. It does no cryptography.

use std::fmt;

/// Bytes that a key has at least: 128 bits.
const BYTES_MIN: usize = 16;

/// Bytes of a key that is made here.
const BYTES_MADE: usize = 32;

/// A key.
#[derive(Clone)]
pub(crate) struct Secret(Box<[u8]>);

impl Secret {
    /// One that somebody chose; `None` if it is so short that it could be guessed.
    pub(crate) fn chosen(bytes: &[u8]) -> Option<Secret> {
        (bytes.len() >= BYTES_MIN).then(|| Secret(bytes.into()))
    }

    /// One that nobody knows, from the system's source of chance.
    pub(crate) fn random() -> Result<Secret, getrandom::Error> {
        let mut bytes = [0; BYTES_MADE];
        getrandom::fill(&mut bytes)?;
        Ok(Secret(bytes.into()))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_long_and_do_not_show() {
        assert!(Secret::chosen(&[7; 15]).is_none());
        let chosen = Secret::chosen(&[7; 16]).unwrap();
        assert_eq!(format!("{chosen:?}"), "Secret");
        let (a, b) = (Secret::random().unwrap(), Secret::random().unwrap());
        assert_ne!(a.bytes(), b.bytes());
        assert_eq!(a.bytes().len(), BYTES_MADE);
    }
}
