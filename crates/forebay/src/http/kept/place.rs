//! Where the answers to a request lie: under what it asks for, and its values of the headers in
//! which answers of that address have been seen to differ.

use http::HeaderMap;

use super::asking::put;

/// The key of the answers to requests for `base` that have these headers.
pub(super) fn key(base: &[u8], names: &[String], headers: &HeaderMap) -> Vec<u8> {
    let mut key = base.to_vec();
    for name in names {
        put(&mut key, name.as_bytes());
        let values = headers.get_all(name.as_str());
        key.extend_from_slice(&(values.iter().count() as u64).to_le_bytes());
        values.iter().for_each(|value| put(&mut key, value.as_bytes()));
    }
    key
}

/// All names, if there are new ones among `found`.
pub(super) fn learned(known: &[String], found: &[String]) -> Option<Vec<String>> {
    if found.iter().all(|name| known.contains(name)) {
        return None;
    }
    let mut all: Vec<String> = known.iter().chain(found).cloned().collect();
    all.sort();
    all.dedup();
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key_of(names: &[&str], pairs: &[(&'static str, &str)]) -> Vec<u8> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        key(b"base", &names, &headers)
    }

    #[test]
    fn requests_that_differ_in_a_name_have_other_keys() {
        let names = ["accept", "x"];
        let all = [
            key_of(&names, &[]),
            key_of(&names, &[("accept", "")]),
            key_of(&names, &[("accept", "a")]),
            key_of(&names, &[("accept", "a"), ("accept", "b")]),
            key_of(&names, &[("accept", "a, b")]),
            key_of(&names, &[("x", "a")]),
            key_of(&["accept"], &[]),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len());
        assert_eq!(key_of(&names, &[("y", "a")]), key_of(&names, &[]));
    }

    #[test]
    fn names_are_only_added() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let check = |known: &[&str], found: &[&str], expect: Option<&[&str]>| {
            let (known, found): (Vec<String>, Vec<String>) = (names(known), names(found));
            assert_eq!(learned(&known, &found), expect.map(names));
        };
        check(&[], &[], None);
        check(&["a"], &[], None);
        check(&["a", "b"], &["b"], None);
        check(&["b"], &["a"], Some(&["a", "b"]));
        check(&[], &["a"], Some(&["a"]));
    }
}
