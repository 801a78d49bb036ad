//! Tokens that are accepted, and every way that one is not. They are signed here, with keys that
//! are made for it; that of RSA lies beside, since making one takes long.

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::json;

use super::*;

const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const RSA_PUBLIC: &str = include_str!("rsa-public.pem");
const RSA_KEY: &[u8] = include_bytes!("rsa-test-key.der");
const NOW: u64 = 1_800_000_000;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(NOW)
}

fn claims() -> Value {
    json!({ "exp": NOW + 10, "iss": "us", "aud": "forebay", "sub": "ada", "role": "admin" })
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Signed with a secret.
fn hs(secret: &[u8], header: &Value, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let signature = URL_SAFE_NO_PAD.encode(hmac::sign(&key, signed.as_bytes()));
    format!("{signed}.{signature}")
}

fn rs(header: &Value, claims: &Value) -> String {
    let signed = unsigned(header, claims);
    let key = RsaKeyPair::from_pkcs8(RSA_KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn ed(key: &Ed25519KeyPair, claims: &Value) -> String {
    let signed = unsigned(&json!({ "alg": "EdDSA", "typ": "JWT" }), claims);
    let signature = key.sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn ed_key() -> (Ed25519KeyPair, String) {
    let der = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(der.as_ref()).unwrap();
    let head = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
    let spki = [&head, key.public_key().as_ref()].concat();
    let text = base64::engine::general_purpose::STANDARD.encode(spki);
    (key, format!("-----BEGIN PUBLIC KEY-----\n{text}\n-----END PUBLIC KEY-----\n"))
}

fn check(jwt: &Jwt, token: &str, expect: Result<Role, &str>) {
    let found = jwt.verify(token.as_bytes(), now());
    match (found.as_ref().map(|caller| caller.role), expect) {
        (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{token}"),
        (Err(why), Err(part)) => assert!(why.contains(part), "{why} instead of {part}: {token}"),
        (found, expect) => panic!("{found:?} instead of {expect:?}: {token}"),
    }
}

#[test]
fn each_way_to_sign_is_accepted_with_its_own_key_alone() {
    let (ed_key, ed_pem) = ed_key();
    let of_hs = Jwt::hs256(SECRET, "us", "forebay").unwrap();
    let of_rs = Jwt::rs256(RSA_PUBLIC, "us", "forebay").unwrap();
    let of_ed = Jwt::eddsa(&ed_pem, "us", "forebay").unwrap();
    let all = [&of_hs, &of_rs, &of_ed];
    let tokens = [
        hs(SECRET, &json!({ "alg": "HS256" }), &claims()),
        rs(&json!({ "alg": "RS256", "typ": "at+jwt" }), &claims()),
        ed(&ed_key, &claims()),
    ];
    for (i, jwt) in all.into_iter().enumerate() {
        for (j, token) in tokens.iter().enumerate() {
            let expect = if i == j { Ok(Role::Admin) } else { Err("in a way") };
            check(jwt, token, expect);
        }
    }
    let (other, _) = self::ed_key();
    check(&of_ed, &ed(&other, &claims()), Err("signature"));
    check(&of_hs, &hs(&[7; 32], &json!({ "alg": "HS256" }), &claims()), Err("signature"));
    assert_eq!(of_ed.verify(tokens[2].as_bytes(), now()).unwrap().name, "ada");
}

/// A public key that is known to all must not pass for a secret, nor a token without a signature.
#[test]
fn none_and_confused_keys_are_refused() {
    let of_rs = Jwt::rs256(RSA_PUBLIC, "us", "forebay").unwrap();
    let of_hs = Jwt::hs256(SECRET, "us", "forebay").unwrap();
    for alg in ["none", "None", "NONE", "", "HS384", "hs256", "ES256"] {
        let header = json!({ "alg": alg });
        for jwt in [&of_rs, &of_hs] {
            check(jwt, &format!("{}.", unsigned(&header, &claims())), Err("in a way"));
            check(jwt, &hs(RSA_PUBLIC.as_bytes(), &header, &claims()), Err("in a way"));
        }
    }
    let confused = hs(RSA_PUBLIC.as_bytes(), &json!({ "alg": "HS256" }), &claims());
    check(&of_rs, &confused, Err("in a way"));
    let empty = format!("{}.", unsigned(&json!({ "alg": "HS256" }), &claims()));
    check(&of_hs, &empty, Err("signature"));
    assert!(Jwt::hs256(RSA_PUBLIC.as_bytes(), "us", "forebay").unwrap_err().is_options());
    assert!(Jwt::hs256(&SECRET[1..], "us", "forebay").unwrap_err().is_options());
    let (_, ed_pem) = ed_key();
    assert!(Jwt::rs256(&ed_pem, "us", "forebay").unwrap_err().is_options());
    assert!(Jwt::eddsa(RSA_PUBLIC, "us", "forebay").unwrap_err().is_options());
}

#[test]
fn claims_are_checked() {
    let jwt = Jwt::hs256(SECRET, "us", "forebay").unwrap();
    let with = |change: Value| {
        let mut claims = claims();
        for (name, value) in change.as_object().unwrap() {
            match value {
                Value::Null => claims.as_object_mut().unwrap().remove(name),
                value => claims.as_object_mut().unwrap().insert(name.clone(), value.clone()),
            };
        }
        hs(SECRET, &json!({ "alg": "HS256" }), &claims)
    };
    for (change, expect) in [
        (json!({}), Ok(Role::Admin)),
        (json!({ "exp": NOW - 59 }), Ok(Role::Admin)),
        (json!({ "exp": NOW as f64 - 59.5 }), Ok(Role::Admin)),
        (json!({ "exp": NOW - 60 }), Err("expired")),
        (json!({ "exp": 0 }), Err("expired")),
        (json!({ "exp": null }), Err("lacks claims")),
        (json!({ "exp": "2030" }), Err("lacks claims")),
        (json!({ "nbf": NOW + 60 }), Ok(Role::Admin)),
        (json!({ "nbf": NOW + 61 }), Err("not valid yet")),
        (json!({ "iss": "them" }), Err("issuer")),
        (json!({ "iss": null }), Err("lacks claims")),
        (json!({ "aud": "other" }), Err("audience")),
        (json!({ "aud": ["other", "forebay"] }), Ok(Role::Admin)),
        (json!({ "aud": [] }), Err("audience")),
        (json!({ "aud": null }), Err("lacks claims")),
        (json!({ "role": "reader" }), Ok(Role::Reader)),
        (json!({ "role": "root" }), Err("role")),
        (json!({ "role": null }), Err("role")),
        (json!({ "role": null, "roles": ["x", "reader"] }), Ok(Role::Reader)),
        (json!({ "role": "reader", "roles": ["admin"] }), Ok(Role::Admin)),
        (json!({ "sub": null }), Ok(Role::Admin)),
    ] {
        check(&jwt, &with(change), expect);
    }
    let strict = jwt.clone().leeway(Duration::ZERO);
    check(&strict, &with(json!({ "exp": NOW })), Err("expired"));
    check(&strict, &with(json!({ "exp": NOW + 1 })), Ok(Role::Admin));
    for (header, expect) in [
        (json!({ "alg": "HS256", "crit": ["exp"] }), "extensions"),
        (json!({ "alg": "HS256", "typ": "JOSE" }), "another type"),
        (json!({ "typ": "JWT" }), "nor a signed token"),
    ] {
        check(&jwt, &hs(SECRET, &header, &claims()), Err(expect));
    }
}

#[test]
fn hostile_bytes_are_refused() {
    let jwt = Jwt::hs256(SECRET, "us", "forebay").unwrap();
    let good = hs(SECRET, &json!({ "alg": "HS256" }), &claims());
    for end in 0..good.len() {
        assert!(jwt.verify(&good.as_bytes()[..end], now()).is_err());
    }
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        assert!(jwt.verify(&bytes, now()).is_err(), "{at}");
    }
    for bad in ["", ".", "..", "...", "a.b.c.d", "\u{e9}.\u{e9}.\u{e9}"] {
        assert!(jwt.verify(bad.as_bytes(), now()).is_err(), "{bad}");
    }
    assert!(jwt.verify(&[0xff; 100], now()).is_err());
    assert!(jwt.verify(format!("{good}{}", "A".repeat(9_000)).as_bytes(), now()).is_err());
    assert!(jwt.verify(format!("{good}=").as_bytes(), now()).is_err(), "no padding");
    assert!(!format!("{jwt:?}").contains("0123"));
}

#[test]
fn the_role_is_where_it_is_said_to_be() {
    let jwt = |name: &str| Jwt::hs256(SECRET, "us", "forebay").unwrap().role_claim(name);
    let token = |more: &Value| {
        let mut claims = claims();
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        hs(SECRET, &json!({ "alg": "HS256" }), &claims)
    };
    let nested = token(&json!({ "realm": { "roles": ["x", "reader"] } }));
    check(&jwt("realm.roles"), &nested, Ok(Role::Reader));
    check(&jwt("realm"), &nested, Err("no role"));
    check(&jwt("realm.roles.0"), &nested, Err("no role"));
    let url = token(&json!({ "https://a.example/roles": "admin" }));
    check(&jwt("https://a.example/roles"), &url, Ok(Role::Admin));
    check(&jwt("roles"), &token(&json!({ "roles": ["reader", "admin"] })), Ok(Role::Admin));
    // What stands elsewhere does not count then.
    check(&jwt("roles"), &token(&json!({})), Err("no role"));
    check(&jwt("n"), &token(&json!({ "n": 7 })), Err("no role"));
}
