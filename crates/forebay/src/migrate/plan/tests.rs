use super::*;
use crate::migrate::Migrations;
use crate::sql::Dialect;

/// Files of these versions, each with two statements; those that end in `!` were changed.
fn files(versions: &[&str]) -> Vec<Migration> {
    let file = |version: &&str| {
        let (version, more) = match version.strip_suffix('!') {
            Some(version) => (version, " changed"),
            None => (*version, ""),
        };
        (format!("V{version}__x.sql"), format!("a {version};b{more};"))
    };
    Migrations::from_iter(versions.iter().map(file)).load(Dialect::Sqlite).unwrap()
}

/// Rows of these versions; one with `:1` behind it has stopped after its first statement.
fn history(versions: &[&str]) -> Vec<Entry> {
    let entry = |version: &&str| {
        let (version, begun) = match version.split_once(':') {
            Some((version, begun)) => (version, Some(begun.parse().unwrap())),
            None => (*version, None),
        };
        let file = files(&[version]).remove(0);
        Entry {
            version: file.version.clone(),
            name: file.name.clone(),
            checksum: match begun {
                Some(n) => file.checksum_of(n).unwrap(),
                None => file.checksum(),
            },
            state: begun.map_or(State::Done, State::Begun),
            began_at: "then".into(),
            took_ms: 1,
        }
    };
    versions.iter().map(entry).collect()
}

fn shown(files: &[Migration], history: &[Entry], wanted: &Wanted) -> Result<Vec<String>, String> {
    let steps = plan(files, history, wanted).map_err(|error| error.message().to_owned())?;
    let shown = steps.iter().map(|step| match step.from {
        0 => step.migration.version.to_string(),
        n => format!("{}:{n}", step.migration.version),
    });
    Ok(shown.collect())
}

#[test]
fn what_is_to_be_run() {
    let check = |have: &[&str], had: &[&str], wanted: &Wanted, expect: Result<&[&str], &str>| {
        let found = shown(&files(have), &history(had), wanted);
        match (&found, expect) {
            (Ok(found), Ok(expect)) => assert_eq!(found, expect, "{have:?} {had:?}"),
            (Err(found), Err(says)) => assert!(found.contains(says), "{found}"),
            _ => panic!("{have:?} {had:?}: {found:?}, expected {expect:?}"),
        }
    };
    let version = |text: &str| Version::parse(text);
    let plain = Wanted::default();
    let to = |text| Wanted { to: version(text), ..Wanted::default() };
    let only = |text| Wanted { only: version(text), ..Wanted::default() };
    let late = Wanted { out_of_order: true, ..Wanted::default() };
    let resume = Wanted { resume: true, ..Wanted::default() };
    let missing = Wanted { allow_missing: true, ..Wanted::default() };
    check(&[], &[], &plain, Ok(&[]));
    check(&["1", "2", "5"], &[], &plain, Ok(&["1", "2", "5"]));
    check(&["1", "2", "5"], &["1", "2"], &plain, Ok(&["5"]));
    check(&["1", "2"], &["1", "2"], &plain, Ok(&[]));
    check(&["1", "2", "5"], &["1"], &to("2"), Ok(&["2"]));
    check(&["1", "2", "5"], &["1", "2", "5"], &to("2"), Ok(&[]));
    check(&["1", "2"], &[], &to("3"), Err("no migration with the version 3"));
    check(&["1", "2", "5"], &[], &only("2"), Ok(&["2"]));
    check(&["1", "2", "5"], &["5"], &only("2"), Ok(&["2"]));
    check(&["1", "2"], &["2"], &only("2"), Ok(&[]));
    check(&["1", "2", "5"], &["1", "5"], &plain, Err("V2__x.sql is older than"));
    check(&["1", "2", "5"], &["1", "5"], &late, Ok(&["2"]));
    check(&["1", "2", "5"], &["5"], &to("1"), Err("older than"));
    check(&["1!", "2"], &["1"], &plain, Err("changed since the database has had them: V1__x.sql"));
    check(&["1!", "2!"], &["1"], &only("2"), Err("changed"));
    check(&["1", "2!"], &["1"], &plain, Ok(&["2"]));
    check(&["2"], &["1"], &plain, Err("no file here: 1 (x)"));
    check(&["2"], &["1"], &missing, Ok(&["2"]));
    check(&["1", "2"], &["1:1"], &plain, Err("1 of its 2 statements"));
    check(&["1", "2"], &["1:1"], &only("2"), Err("V1__x.sql began at then"));
    check(&["1", "2"], &["1:1"], &resume, Ok(&["1:1", "2"]));
    check(&["1!", "2"], &["1:1"], &resume, Ok(&["1:1", "2"]));
    check(&["1", "2"], &["1:2"], &resume, Ok(&["1:2", "2"]));
    check(&["1!", "2"], &["1:2"], &resume, Err("first 2 statements of V1__x.sql"));
    check(&["1", "2"], &[], &resume, Ok(&["1", "2"]));
}

/// Whatever was run in whatever order: each file is run once, and afterwards nothing is left.
#[test]
fn as_a_list_that_is_ticked_off() {
    let mut random = fastrand::Rng::with_seed(54);
    let mut refused = 0;
    for _ in 0..2_000 {
        let mut have: Vec<String> = Vec::new();
        let mut had: Vec<String> = Vec::new();
        for _ in 0..random.usize(1..8) {
            // The application gets another file, and then somebody runs some of what there is.
            let new = random.u32(1..30).to_string();
            if !have.contains(&new) {
                have.push(new);
            }
            let texts: Vec<&str> = have.iter().map(String::as_str).collect();
            let files = files(&texts);
            let to = random.bool().then(|| have[random.usize(0..have.len())].clone());
            let late = random.bool();
            let wanted = Wanted {
                to: to.as_deref().and_then(Version::parse),
                out_of_order: late,
                ..Wanted::default()
            };
            let done: Vec<&str> = had.iter().map(String::as_str).collect();
            let number = |text: &String| text.parse::<u32>().unwrap();
            let last = had.iter().map(number).max().unwrap_or(0);
            let mut model: Vec<u32> = have.iter().map(number).collect();
            model.retain(|n| !had.iter().any(|it| number(it) == *n));
            model.retain(|n| to.as_ref().is_none_or(|to| *n <= number(to)));
            model.sort_unstable();
            let is_refused = !late && model.first().is_some_and(|first| *first < last);
            let model: Vec<String> = model.iter().map(u32::to_string).collect();
            match shown(&files, &history(&done), &wanted) {
                Ok(steps) => {
                    assert!(!is_refused);
                    assert_eq!(steps, model);
                    had.extend(steps);
                }
                Err(_) => {
                    assert!(is_refused);
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > 100, "{refused}");
}
