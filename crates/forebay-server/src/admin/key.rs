//! Public keys out of PEM texts, as `openssl` writes them (`BEGIN PUBLIC KEY`): just as much of
//! DER as these two kinds need.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const NULL: u8 = 0x05;

/// 1.2.840.113549.1.1.1
const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// 1.3.101.112
const ED25519: [u8; 3] = [0x2b, 0x65, 0x70];

/// A public key, as ring takes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// A key of PKCS #1.
    Rsa(Vec<u8>),
    Ed25519(Vec<u8>),
}

/// Reads the first public key of a PEM text.
pub(super) fn public_key(pem: &str) -> Option<PublicKey> {
    let (_, rest) = pem.split_once(BEGIN)?;
    let (text, _) = rest.split_once(END)?;
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let der = STANDARD.decode(text).ok()?;
    let (key, rest) = element(&der, SEQUENCE)?;
    let (kind, key) = element(key, SEQUENCE).filter(|_| rest.is_empty())?;
    let (name, parameters) = element(kind, OBJECT)?;
    let (bits, rest) = element(key, BIT_STRING)?;
    // The first byte counts the bits that the last one has too many.
    let (0, bytes) = bits.split_first().map(|(unused, bytes)| (*unused, bytes))? else {
        return None;
    };
    if !rest.is_empty() {
        return None;
    }
    match (name, parameters) {
        (name, [NULL, 0]) if name == RSA => Some(PublicKey::Rsa(bytes.to_vec())),
        (name, []) if name == ED25519 && bytes.len() == 32 => {
            Some(PublicKey::Ed25519(bytes.to_vec()))
        }
        _ => None,
    }
}

/// The content of the element at the beginning, if it is of this kind, and what comes after it.
fn element(der: &[u8], kind: u8) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |sum, digit| sum << 8 | usize::from(*digit)), rest)
        }
        _ => return None,
    };
    if *found != kind {
        return None;
    }
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(der: &[u8]) -> String {
        format!("# a comment\n{BEGIN}\n{}\n{END}\n", STANDARD.encode(der))
    }

    fn ed25519(key: &[u8]) -> Vec<u8> {
        let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
        [&head, key].concat()
    }

    #[test]
    fn what_is_no_key_is_none() {
        let good = ed25519(&[7; 32]);
        assert_eq!(public_key(&pem(&good)), Some(PublicKey::Ed25519(vec![7; 32])));
        let mut longer = good.clone();
        longer.push(0);
        for bad in [
            String::new(),
            "secret".to_owned(),
            format!("{BEGIN}\n***\n{END}"),
            BEGIN.to_owned(),
            pem(&[]),
            pem(&longer),
            pem(&ed25519(&[7; 31])),
            pem(&good).replace("PUBLIC", "PRIVATE"),
        ] {
            assert_eq!(public_key(&bad), None, "{bad}");
        }
        // Neither cut short nor with any byte changed does it panic.
        for end in 0..good.len() {
            assert_eq!(public_key(&pem(&good[..end])), None);
        }
        for at in 0..12 {
            for byte in 0..=u8::MAX {
                let mut other = good.clone();
                other[at] = byte;
                assert_eq!(public_key(&pem(&other)).is_some(), byte == good[at], "{at} {byte}");
            }
        }
    }
}
