//! Migrations as they lie in a directory, or in the program itself: read, put in order, taken
//! apart. It runs nothing.

use std::borrow::Cow;
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::version::{Named, Version, named};
use crate::error::{Error, Kind, Result};
use crate::sql::{Dialect, Piece, contains_nul, leading_comments, split};

/// The largest file.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// Files in one directory, of whatever kind.
const FILES_MAX: usize = 100_000;

/// What a file says in a comment before its first statement, to be run outside a transaction.
const NO_TRANSACTION: &str = "no-transaction";

/// Where migrations are: a directory, or texts in the program. See [`crate::Db::migrate`].
///
/// A path is a directory of `.sql` files; pairs of a file's name and its text are the files
/// themselves, as `include_str!` or [`migrations!`](crate::migrations) have them.
///
/// ```
/// # use forebay::Migrations;
/// let in_a_directory = Migrations::from("migrations");
/// let in_the_program = Migrations::from([
///     ("001_users.sql", "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL)"),
///     ("002_names.sql", "CREATE INDEX users_name ON users (name)"),
/// ]);
/// ```
#[derive(Clone, Debug)]
pub struct Migrations(Place);

#[derive(Clone, Debug)]
enum Place {
    Directory(PathBuf),
    Program(Vec<(Cow<'static, str>, Cow<'static, str>)>),
}

impl<N, S> FromIterator<(N, S)> for Migrations
where
    N: Into<Cow<'static, str>>,
    S: Into<Cow<'static, str>>,
{
    fn from_iter<I: IntoIterator<Item = (N, S)>>(files: I) -> Migrations {
        let files = files.into_iter().map(|(name, text)| (name.into(), text.into()));
        Migrations(Place::Program(files.collect()))
    }
}

impl<N, S, const LEN: usize> From<[(N, S); LEN]> for Migrations
where
    N: Into<Cow<'static, str>>,
    S: Into<Cow<'static, str>>,
{
    fn from(files: [(N, S); LEN]) -> Migrations {
        files.into_iter().collect()
    }
}

impl From<&[(&'static str, &'static str)]> for Migrations {
    fn from(files: &[(&'static str, &'static str)]) -> Migrations {
        files.iter().copied().collect()
    }
}

impl From<PathBuf> for Migrations {
    fn from(directory: PathBuf) -> Migrations {
        Migrations(Place::Directory(directory))
    }
}

impl From<&Path> for Migrations {
    fn from(directory: &Path) -> Migrations {
        directory.to_owned().into()
    }
}

impl From<&PathBuf> for Migrations {
    fn from(directory: &PathBuf) -> Migrations {
        directory.clone().into()
    }
}

impl From<&str> for Migrations {
    fn from(directory: &str) -> Migrations {
        PathBuf::from(directory).into()
    }
}

impl From<String> for Migrations {
    fn from(directory: String) -> Migrations {
        PathBuf::from(directory).into()
    }
}

/// One file.
#[derive(Clone, Debug)]
pub(crate) struct Migration {
    pub(super) version: Version,
    pub(super) name: String,
    pub(super) file: String,
    /// Without a byte order mark, its lines ended by `\n`.
    pub(super) text: Arc<str>,
    pub(super) pieces: Vec<Piece>,
    pub(super) is_in_transaction: bool,
}

impl Migrations {
    /// All of them by version, read and taken apart. Files that are no migrations are left out.
    pub(crate) fn load(&self, dialect: Dialect) -> Result<Vec<Migration>> {
        let mut all = Vec::new();
        match &self.0 {
            Place::Program(files) => {
                for (file, text) in files {
                    if let Named::Migration(version, name) = named(file)? {
                        let bytes = text.as_bytes();
                        check_size(file, bytes.len() as u64)?;
                        all.push(Migration::new((version, name, file), bytes, dialect)?);
                    }
                }
            }
            Place::Directory(directory) => {
                for (file, path) in files_in(directory)? {
                    if let Named::Migration(version, name) = named(&file)? {
                        let bytes = read(&file, &path)?;
                        all.push(Migration::new((version, name, &file), &bytes, dialect)?);
                    }
                }
            }
        }
        all.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.file.cmp(&b.file)));
        match all.windows(2).find(|pair| pair[0].version == pair[1].version) {
            Some([a, b]) => Err(Error::usage(format!(
                "{:?} and {:?} have the same version; give one of them another number",
                a.file, b.file
            ))),
            _ => Ok(all),
        }
    }
}

impl Migration {
    fn new(
        (version, name, file): (Version, String, &str),
        bytes: &[u8],
        dialect: Dialect,
    ) -> Result<Migration> {
        let text = decoded(file, bytes)?;
        if contains_nul(&text) {
            return Err(Error::usage(format!(
                "{file} has a NUL byte, at which a database would stop reading; take it out"
            )));
        }
        let is_in_transaction = !leading_comments(&text, dialect)
            .any(|comment| comment.eq_ignore_ascii_case(NO_TRANSACTION));
        let pieces = split(&text, dialect);
        let (file, text) = (file.to_owned(), text.into());
        Ok(Migration { version, name, file, text, pieces, is_in_transaction })
    }

    /// The digest of all of it. Blanks at the end do not count.
    pub(super) fn checksum(&self) -> String {
        digest(self.text.trim_end())
    }

    /// The digest of its first statements. Of none, it is that of an empty text.
    pub(super) fn checksum_of(&self, statements: usize) -> Option<String> {
        let end = match statements.checked_sub(1) {
            None => 0,
            Some(last) => self.pieces.get(last)?.range.end,
        };
        Some(digest(&self.text[..end]))
    }

    pub(super) fn statement(&self, place: usize) -> &str {
        self.pieces.get(place).map_or("", |piece| &self.text[piece.range.clone()])
    }

    pub(super) fn ranges(&self, from: usize) -> Vec<Range<usize>> {
        self.pieces.iter().skip(from).map(|piece| piece.range.clone()).collect()
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn files_in(directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let refused = |error: std::io::Error| {
        let text = match error.kind() {
            ErrorKind::NotFound => "there is no such directory; create it, or name another one",
            ErrorKind::NotADirectory => "it is not a directory; name the one the files lie in",
            _ => "the directory cannot be read",
        };
        let text = format!("migrations in {}: {text}", directory.display());
        Error::new(Kind::Open, text).with_cause(error)
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(refused)? {
        let entry = entry.map_err(refused)?;
        let path = entry.path();
        // One whose name is no text is none of ours.
        let Ok(file) = entry.file_name().into_string() else { continue };
        if files.len() == FILES_MAX {
            return Err(Error::usage(format!(
                "{} has more than {FILES_MAX} files; name the directory of the migrations",
                directory.display()
            )));
        }
        if path.is_file() {
            files.push((file, path));
        }
    }
    Ok(files)
}

/// Reads no more than may be read, whatever the file system says of its size.
fn read(file: &str, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let opened = fs::File::open(path);
    opened.and_then(|it| it.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)).map_err(|error| {
        Error::new(Kind::Open, format!("the migration {file} cannot be read")).with_cause(error)
    })?;
    check_size(file, bytes.len() as u64)?;
    Ok(bytes)
}

fn check_size(file: &str, bytes: u64) -> Result<()> {
    if bytes <= FILE_BYTES_MAX {
        return Ok(());
    }
    let text = format!(
        "the migration {file} has more than {} MiB; load data with `forebay load`, or split it",
        FILE_BYTES_MAX >> 20
    );
    Err(Error::new(Kind::TooLarge, text))
}

/// The text without a byte order mark; every line ends with `\n`.
fn decoded(file: &str, bytes: &[u8]) -> Result<String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let line = bytes[..error.valid_up_to()].iter().filter(|it| **it == b'\n').count() + 1;
        let text = format!("the migration {file} is not UTF-8 (line {line}); save it as UTF-8");
        Error::usage(text)
    })?;
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(files: &[(&str, &[u8])]) -> Result<Vec<Migration>> {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        fs::create_dir(folder.path().join("009_directory.sql")).unwrap();
        Migrations::from(folder.path()).load(Dialect::Sqlite)
    }

    #[test]
    fn files_in_order() {
        let all = load(&[
            ("010_c.sql", b"c"),
            ("V2__b.sql", b"\xef\xbb\xbf-- no-transaction\r\nb;\r\n\r\nb"),
            ("001_a.sql", b""),
            ("README.md", b"\xff"),
        ]);
        let all = all.unwrap();
        let found: Vec<_> = all
            .iter()
            .map(|it| (&*it.file, &*it.name, it.pieces.len(), it.is_in_transaction))
            .collect();
        let expect = [("001_a.sql", "a", 0, true), ("V2__b.sql", "b", 2, false)];
        assert_eq!(found, [&expect[..], &[("010_c.sql", "c", 1, true)]].concat());
        assert_eq!((all[1].pieces[1].line, all[1].statement(1)), (4, "b"));
    }

    #[test]
    fn what_is_refused_says_what_to_do() {
        let check = |files: &[(&str, &[u8])], says: &[&str]| {
            let message = load(files).unwrap_err().message().to_owned();
            assert!(says.iter().all(|it| message.contains(it)), "{message}");
        };
        check(&[("001_a.sql", b""), ("1_b.sql", b"")], &["001_a.sql", "1_b.sql", "same version"]);
        check(&[("1_a.sql", b""), ("V1.0__b.sql", b"")], &["same version"]);
        check(&[("1_a.sql", b"a\nb\xff")], &["1_a.sql is not UTF-8 (line 2)"]);
        check(
            &[(
                "1_a.sql",
                "S".encode_utf16()
                    .fold(vec![0xff, 0xfe], |mut all, it| {
                        all.extend(it.to_le_bytes());
                        all
                    })
                    .as_slice(),
            )],
            &["save it as UTF-8"],
        );
        check(&[("1_a.sql", b"SELECT 1\0; DROP")], &["NUL"]);
        check(&[("a.sql", b"")], &["a.sql", "no version"]);
        let large = vec![b' '; (16 << 20) + 1];
        check(&[("1_a.sql", &large)], &["16 MiB", "forebay load"]);
        assert_eq!(load(&[("1_a.sql", &large[1..])]).unwrap().len(), 1);
    }

    #[test]
    fn directories_that_are_none() {
        let folder = tempfile::tempdir().unwrap();
        let missing = Migrations::from(folder.path().join("missing")).load(Dialect::Sqlite);
        assert!(missing.unwrap_err().message().contains("no such directory"));
        let file = folder.path().join("a");
        fs::write(&file, "").unwrap();
        assert!(Migrations::from(file).load(Dialect::Sqlite).unwrap_err().is_open());
    }

    #[test]
    fn checksums_are_of_what_is_said() {
        let of = |text: &[u8]| load(&[("1_a.sql", text)]).unwrap().remove(0);
        let same = of(b"a;\nb;").checksum();
        for text in [&b"a;\r\nb;\r\n"[..], b"a;\rb;  \n\n", b"\xef\xbb\xbfa;\nb;"] {
            assert_eq!(of(text).checksum(), same, "{text:?}");
        }
        assert_ne!(of(b"a; \nb;").checksum(), same);
        let (one, two) = (of(b"a;\nb;"), of(b"a;\nc; d"));
        assert_eq!(one.checksum_of(1), two.checksum_of(1));
        assert_ne!(one.checksum_of(2), two.checksum_of(2));
        assert_eq!((one.checksum_of(0), one.checksum_of(3)), (two.checksum_of(0), None));
    }
}
