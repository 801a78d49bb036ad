//! Sources, messages, what is printed, and that the defaults, the guide and the example say the
//! same as the table of settings.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use forebay::{Access, Builder};
use forebay_server::Options;

use super::*;
use crate::plan::{self, ServePlan};

const GUIDE: &str = "../../docs/guide/configuration.md";

/// How examples begin that are files of cargo and not of the service.
const OF_CARGO: &[&str] = &["[env]\n", "forebay = {"];

/// What stands in the guide where the tables of settings begin.
const TABLES: &str = "## Every setting\n";

fn sources(text: &str, variables: &[(&str, &str)], flags: &[(&str, &str)]) -> (Sources, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("f.toml");
    std::fs::write(&path, text).unwrap();
    let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let flag = |(key, value): &(&str, &str)| {
        Given::text(*key, *value, Origin::Flag(format!("--set {key}")))
    };
    let sources = Sources {
        file: Some(path),
        variables: variables.iter().map(pair).collect(),
        flags: flags.iter().map(flag).collect(),
    };
    (sources, Folder(folder))
}

/// Kept for as long as the file is needed.
struct Folder(tempfile::TempDir);

impl Folder {
    fn hide(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.0.path().display()), "")
    }
}

fn value(loaded: &Loaded, key: &str) -> String {
    let rows = loaded.config.rows();
    let row = rows.iter().find(|row| row.key == key).unwrap_or_else(|| panic!("no {key}"));
    row.written.clone().unwrap_or_else(|| "none".to_owned())
}

#[test]
fn later_sources_count_before_earlier_ones() {
    let check = |file: &str, variables: &[_], flags: &[_], key: &str, expect: (&str, &str)| {
        let (sources, folder) = sources(file, variables, flags);
        let loaded = Loaded::read(&sources).unwrap();
        let origin = folder.hide(&loaded.origin(key).to_string());
        assert_eq!((value(&loaded, key).as_str(), origin.as_str()), expect, "{file} {key}");
    };
    let (size, file) = ("pool.max_size", "[pool]\nmax_size = 3\n");
    let (own, flag) = (("FOREBAY_POOL_MAX_SIZE", "4"), ("pool.max_size", "5"));
    check("", &[], &[], size, ("10", "default"));
    check("profile = 'production'", &[], &[], size, ("20", "profile production"));
    check("", &[("FOREBAY_ENV", "test")], &[], "cache.mode", ("\"off\"", "profile test"));
    let on = "profile = 'test'\n[cache]\nmode = 'on'";
    check(on, &[], &[], "cache.mode", ("\"on\"", "f.toml:3"));
    check("", &[("FOREBAY_ENV", "dev")], &[], "environment", ("\"dev\"", "profile dev"));
    check(file, &[], &[], size, ("3", "f.toml:2"));
    check(file, &[own], &[], size, ("4", "FOREBAY_POOL_MAX_SIZE"));
    check(file, &[own], &[flag], size, ("5", "--set pool.max_size"));
    check(file, &[("FOREBAY_POOL_MAX_SIZE", "")], &[], size, ("3", "f.toml:2"));
    let url = ("DATABASE_URL", "sqlite:a.db");
    check("", &[url], &[], "database.url", ("\"sqlite:a.db\"", "DATABASE_URL"));
    let both = [url, ("FOREBAY_DATABASE_URL", "sqlite:b.db")];
    check("", &both, &[], "database.url", ("\"sqlite:b.db\"", "FOREBAY_DATABASE_URL"));
    let both = [("RUST_LOG", "debug"), ("FOREBAY_LOG", "warn")];
    check("", &both, &[], "log.level", ("\"warn\"", "FOREBAY_LOG"));
    let hosts = ("FOREBAY_SERVER_ALLOW_HOSTS", "a.example, b.example");
    let expect = ("[\"a.example\", \"b.example\"]", "FOREBAY_SERVER_ALLOW_HOSTS");
    check("", &[hosts], &[], "server.allow_hosts", expect);
    check("pool = { max_size = 0x10 }", &[], &[], size, ("16", "f.toml:1"));
    // Of a service that is called forebay, where Kubernetes makes variables of services.
    let others = [("FOREBAY_PORT", "tcp://10.0.0.1:80"), ("FOREBAY_SERVICE_HOST", "10.0.0.1")];
    check("", &others, &[], size, ("10", "default"));
}

fn told(file: &str, variables: &[(&str, &str)], flags: &[(&str, &str)], expect: &[&str]) {
    let (sources, folder) = sources(file, variables, flags);
    let faults = folder.hide(&Loaded::read(&sources).expect_err(file).to_string());
    let lines: Vec<&str> = faults.lines().skip(1).map(str::trim).collect();
    assert_eq!(lines, expect, "{file}");
}

#[test]
fn everything_that_is_wrong_is_told_with_where_it_stands() {
    let number = "pool.max_size is 0, but must be a whole number from 1 to 1,000";
    told("[pool]\n\nmax_size = 0", &[], &[], &[&format!("f.toml:3: {number}")]);
    let variable = [("FOREBAY_POOL_MAX_SIZE", "0")];
    told("", &variable, &[], &[&format!("FOREBAY_POOL_MAX_SIZE: {number}")]);
    told("", &[], &[("pool.max_size", "0")], &[&format!("--set pool.max_size: {number}")]);
    told(
        "[pool]\nmax_sise = 3\nmax_size = \"3\"\nidle_timeout = 5\n[pol]\nx = 1\ny = 2",
        &[("FOREBAY_POOL_MIN_IDEL", "1"), ("FOREBAY_CACHE_MODE", "maybe")],
        &[("slow.afer", "1s")],
        &[
            "f.toml:2: there is no key pool.max_sise; perhaps pool.max_size is meant",
            "f.toml:3: pool.max_size is \"3\", but must be a whole number from 1 to 1,000",
            "f.toml:4: pool.idle_timeout is 5, but must be a time such as 500ms, 30s, 5m or 1h \
             from 1ms to 86400s",
            "f.toml:5: there is no key pol; perhaps pool is meant",
            "FOREBAY_POOL_MIN_IDEL: there is no variable FOREBAY_POOL_MIN_IDEL; perhaps \
             FOREBAY_POOL_MIN_IDLE is meant",
            "FOREBAY_CACHE_MODE: cache.mode is maybe, but must be off, shadow or on",
            "--set slow.afer: there is no key slow.afer; perhaps slow.after is meant",
        ],
    );
}

#[test]
fn tables_of_names_and_lists_are_checked_as_well() {
    told(
        "rule = 1\n[cache.reports]\ntll = '1s'\n[pool.max_size]\nx = 1",
        &[],
        &[],
        &[
            "f.toml:1: there is no key rule; perhaps rule[] is meant",
            "f.toml:3: there is no key cache.reports.tll; perhaps cache.*.ttl is meant",
            "f.toml:4: pool.max_size is a table, but must be a whole number from 1 to 1,000",
        ],
    );
    told(
        "[[rule]]\nname = 'a'\n\n[[rule]]\ntabels = ['t']\nttl = 'soon'",
        &[],
        &[],
        &[
            "f.toml:5: there is no key rule[1].tabels; perhaps rule[].tables is meant",
            "f.toml:6: rule[1].ttl is \"soon\", but must be a time such as 500ms, 30s, 5m or 1h \
             from 0s to 31536000s",
        ],
    );
    let level = "f.toml:1: log.level is \"wran\", but must be error, warn, info, debug, trace or \
                 off, or levels of modules as in warn,forebay=debug";
    told("log.level = 'wran'", &[], &[], &[level]);
    let rate = "f.toml:1: guards.rate is \"5/fortnight\", but must be a number in a time, such as \
                10/s, 100/min, 5/h or 100/min, 10/s";
    told("guards.rate = '5/fortnight'", &[], &[], &[rate]);
}

#[test]
fn what_is_no_toml_is_told_with_its_line() {
    let (sources, folder) = sources("[pool]\nmax_size = \n[slow\nafter = 3", &[], &[]);
    let faults = folder.hide(&Loaded::read(&sources).unwrap_err().to_string());
    assert!(faults.contains("f.toml:2: this is no TOML"), "{faults}");
    assert!(faults.contains("f.toml:3: this is no TOML"), "{faults}");
    let missing = Sources { file: Some("no/such.toml".into()), ..Sources::default() };
    let faults = Loaded::read(&missing).unwrap_err().to_string();
    assert!(faults.contains("cannot read no/such.toml"), "{faults}");
}

/// Hostile bytes end in messages.
#[test]
fn no_text_makes_it_panic() {
    let parts = [
        "[pool]",
        "[[rule]]",
        "[cache.a]",
        "max_size",
        "name",
        " = ",
        "3",
        "'x'",
        "\"",
        "\n",
        "{",
        "}",
        "[",
        "]",
        ",",
        ".",
        "é",
        "0x",
        "-",
        "1e999",
        "1979-05-27",
        "'''",
        "=",
        "#",
        "\0",
    ];
    let mut random = fastrand::Rng::with_seed(8);
    for _ in 0..3_000 {
        let count = random.usize(..14);
        let text: String = (0..count).map(|_| parts[random.usize(..parts.len())]).collect();
        let (given, _) = file::parse(Path::new("f"), &text);
        assert!(given.len() <= text.len());
    }
}

/// A naive model of what counts: the last source that says something, by key.
#[test]
fn what_counts_is_what_the_model_says() {
    const KEYS: [(&str, &str); 4] = [
        ("pool.max_size", "FOREBAY_POOL_MAX_SIZE"),
        ("pool.max_overflow", "FOREBAY_POOL_MAX_OVERFLOW"),
        ("cache.audit_one_in", "FOREBAY_CACHE_AUDIT_ONE_IN"),
        ("limits.rows_max", "FOREBAY_LIMITS_ROWS_MAX"),
    ];
    let settings = Config::settings();
    let default = |key: &str| {
        let setting = settings.iter().find(|it| it.key == key).unwrap();
        setting.default.clone().unwrap()
    };
    let mut random = fastrand::Rng::with_seed(9);
    for _ in 0..150 {
        let mut model: HashMap<&str, String> =
            KEYS.iter().map(|(key, _)| (*key, default(key))).collect();
        let (mut file, mut variables, mut flags) = (String::new(), Vec::new(), Vec::new());
        for layer in 0..3 {
            for (key, variable) in KEYS {
                if random.bool() {
                    continue;
                }
                let number = random.u32(1..900).to_string();
                match layer {
                    0 => writeln!(file, "{key} = {number}").unwrap(),
                    1 => variables.push((variable, number.clone())),
                    _ => flags.push((key, number.clone())),
                }
                model.insert(key, number);
            }
        }
        let variables: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (*n, &**v)).collect();
        let flags: Vec<(&str, &str)> = flags.iter().map(|(n, v)| (*n, &**v)).collect();
        let (sources, _folder) = sources(&file, &variables, &flags);
        let loaded = Loaded::read(&sources).unwrap();
        for (key, expect) in &model {
            assert_eq!(value(&loaded, key), *expect, "{file} {variables:?} {flags:?} {key}");
        }
    }
}

const WHOLE: &str = r#"
profile = 'dev'
database.url = 'postgres://ada:s3cret@db.example/shop'
[cache.reports]
ttl = '60s'
stale = true
[guards]
rate = '100/min, 10/s'
[[rule]]
name = "a \"b\" \u00e9"
texts = ['select *', 'a\b']
[[rule]]
name = 'c'
namespace = 'reports'
"#;

/// What is printed is a file that says the same, but for what is masked.
#[test]
fn what_is_printed_can_be_read_again() {
    let (first, _folder) = sources(WHOLE, &[], &[]);
    let first = Loaded::read(&first).unwrap();
    let printed = print(&first);
    assert!(!printed.contains("s3cret"), "{printed}");
    let (second, _folder) = sources(&printed, &[], &[]);
    let second = Loaded::read(&second).unwrap_or_else(|faults| panic!("{faults}\n{printed}"));
    for (before, after) in first.config.rows().iter().zip(second.config.rows()) {
        assert_eq!(before.key, after.key);
        assert_eq!(before.shown, after.shown, "{}", before.key);
    }
    assert_eq!(first.config.rows().len(), second.config.rows().len());
}

#[test]
fn the_defaults_are_those_of_the_library_and_the_service() {
    let config = Loaded::read(&Sources::default()).unwrap().config;
    let plain = Builder::new("sqlite:forebay.db").access(Access::Remote);
    assert_eq!(format!("{:?}", plan::database(&config).unwrap()), format!("{plain:?}"));
    let plan = ServePlan::new(&config).unwrap();
    assert_eq!(format!("{:?}", plan.options), format!("{:?}", Options::default()));
}

#[test]
fn rules_come_whole_to_the_library() {
    let check = |text: &str, expect: Result<&str, &str>| {
        let (sources, _folder) = sources(text, &[], &[]);
        let loaded = Loaded::read(&sources).unwrap();
        let found = plan::rules(&loaded.config);
        let found = found.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        match (found, expect) {
            (Ok(all), Ok(expect)) => assert_eq!(all.join(" | "), expect),
            (Err(faults), Err(part)) => {
                assert!(faults.iter().any(|it| it.contains(part)), "{faults:?}");
            }
            (found, expect) => panic!("{found:?} instead of {expect:?}"),
        }
    };
    check("", Ok(""));
    check("[[rule]]\nname = 'a'\nrows_max = 3", Ok("a: 3 rows at most"));
    let space = "[cache.s]\nttl = '60s'\nstale = true\nstale_if_error = '1h'\n";
    let rule = "[[rule]]\nname = 'a'\nnamespace = 's'\nttl = '5s'\ntags = ['t']";
    let expect = "a: ttl 5s; stale_if_error 3600s; tags t, s";
    check(&format!("{space}{rule}"), Ok(expect));
    let bounded = "[cache.s]\nbytes = '1MB'\n[[rule]]\nname = 'a'\nnamespace = 's'";
    check(bounded, Ok("a: tags s; space s, 1000000 bytes"));
    let two = "[[rule]]\nname = 'a'\ndeny = 'no'\n[[rule]]\nname = 'b'\ncache = false";
    check(two, Ok("a: refused: no | b: past the cache"));
    check(rule, Err("there is no namespace \"s\""));
    check("[[rule]]\nrows_max = 3", Err("rule[0].name is not set"));
    let twice = "[[rule]]\nname = 'a'\nrows_max = 3\n";
    check(&twice.repeat(2), Err("rule[1].name is \"a\", like that of a rule before it"));
    check("[[rule]]\nname = 'a'", Err("says nothing"));
    check("[[rule]]\nname = 'a'\nttl_only = '5s'", Err("say `stale` as well"));
    check("[[rule]]\nname = 'a'\nfingerprints = ['xyz']\ncache = false", Err("no fingerprint"));
}

/// Variables are made of keys, so that two keys could come to one.
#[test]
fn no_two_settings_share_a_key_a_flag_or_a_variable() {
    let settings = Config::settings();
    let mut names: Vec<String> = Vec::new();
    for setting in &settings {
        names.push(setting.key.clone());
        names.extend(setting.variables.iter().cloned());
        names.extend(setting.flag.map(|flag| format!("--{flag}")));
        assert!(!setting.about.is_empty(), "{} says nothing", setting.key);
    }
    names.sort();
    for pair in names.windows(2) {
        assert_ne!(pair[0], pair[1]);
    }
}

/// The tables of the guide, as they follow from the settings.
fn tables() -> String {
    let settings = Config::settings();
    let mut out = String::new();
    for (place, about) in Config::places() {
        let title = match place.strip_suffix("[]") {
            Some(list) => format!("`[[{list}]]`"),
            None if place.is_empty() => "At the top".to_owned(),
            None => format!("`[{}]`", place.replace('*', "NAME")),
        };
        let head = "| key | default | what it is |\n|---|---|---|";
        let _ = writeln!(out, "\n### {title}\n\n{about}\n\n{head}");
        for setting in &settings {
            let (at, name) = setting.key.rsplit_once('.').unwrap_or(("", &setting.key));
            if at == place {
                let _ = writeln!(out, "| `{name}` | {}", line(setting));
            }
        }
    }
    out
}

fn line(setting: &Setting) -> String {
    let default = setting.default.as_ref().map_or("not set".to_owned(), |it| format!("`{it}`"));
    let range = setting.range.as_ref().map_or(String::new(), |range| format!(", {range}"));
    let mut words = vec![setting.about.replace('|', "\\|")];
    words.push(format!("Takes {}{range}.", setting.expected));
    words.extend(setting.flag.map(|flag| format!("Flag: `--{flag}`.")));
    if setting.variables.len() > 1 {
        words.push(format!("Also `{}`.", setting.variables[1..].join("`, `")));
    }
    words.extend(setting.marks.live.then(|| "Live.".to_owned()));
    format!("{default} | {} |", words.join(" "))
}

/// Run with `FOREBAY_GUIDE=write` it brings the guide up to date.
#[test]
fn the_guide_shows_every_setting() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
    let guide = std::fs::read_to_string(&path).unwrap();
    let (before, found) = guide.split_once(TABLES).expect("the guide has the tables at its end");
    let expect = tables();
    if std::env::var("FOREBAY_GUIDE").is_ok_and(|word| word == "write") {
        std::fs::write(&path, format!("{before}{TABLES}{expect}")).unwrap();
        return;
    }
    assert!(found == expect, "run this test with FOREBAY_GUIDE=write, and look at what changed");
}

#[test]
fn the_example_and_what_the_guide_shows_are_right() {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/forebay.toml");
    let sources = Sources { file: Some(path), ..Sources::default() };
    let loaded = Loaded::read(&sources).unwrap_or_else(|faults| panic!("{faults}"));
    assert!(plan::rules(&loaded.config).unwrap().len() >= 3);
    plan::database(&loaded.config).unwrap();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join(GUIDE);
    let mut tried = 0;
    for entry in std::fs::read_dir(guide.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        let Ok(page) = std::fs::read_to_string(&path) else { continue };
        for block in page.split("```toml\n").skip(1) {
            let text = block.split("```").next().unwrap();
            if OF_CARGO.iter().any(|begin| text.starts_with(begin)) {
                continue;
            }
            let at = path.display();
            let (sources, _folder) = self::sources(text, &[], &[]);
            let loaded = Loaded::read(&sources).unwrap_or_else(|it| panic!("{at}: {it}\n{text}"));
            plan::rules(&loaded.config).unwrap_or_else(|it| panic!("{at}: {it:?}\n{text}"));
            tried += 1;
        }
    }
    assert!(tried >= 5, "{tried}");
}
