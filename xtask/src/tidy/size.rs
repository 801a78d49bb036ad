//! How large each part is: the sums that tidy prints at the end, to be read, not to be passed.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::imports;

/// Lines of one part.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Size {
    files: usize,
    lines: usize,
    test_lines: usize,
}

/// Sums by module of the library and by crate elsewhere.
#[derive(Debug, Default)]
pub(crate) struct Sizes(BTreeMap<String, Size>);

impl Sizes {
    /// Counts a file of `lines`, of which `test_lines` exist in tests only.
    pub(crate) fn add(&mut self, path: &str, lines: usize, test_lines: usize) {
        let size = self.0.entry(part_of(path)).or_default();
        size.files += 1;
        size.lines += lines - test_lines;
        size.test_lines += test_lines;
    }

    /// One line per part, and the sum of all.
    pub(crate) fn render(&self) -> String {
        let mut text = format!("{:<28} {:>6} {:>8} {:>8}\n", "part", "files", "lines", "tests");
        let mut sum = Size::default();
        let mut row = |name: &str, size: Size| {
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "{name:<28} {:>6} {:>8} {:>8}",
                size.files, size.lines, size.test_lines
            );
        };
        for (name, size) in &self.0 {
            row(name, *size);
            sum.files += size.files;
            sum.lines += size.lines;
            sum.test_lines += size.test_lines;
        }
        row("in all", sum);
        text
    }
}

fn part_of(path: &str) -> String {
    if let Some(module) = imports::module_of(path) {
        return format!("forebay::{module}");
    }
    let mut folders = path.split('/');
    let first = folders.next().unwrap_or(path);
    if first == "crates" { folders.next().unwrap_or(first).to_owned() } else { first.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_by_module_and_crate() {
        let mut sizes = Sizes::default();
        sizes.add("crates/forebay/src/cache/mod.rs", 10, 0);
        sizes.add("crates/forebay/src/cache/store.rs", 100, 40);
        sizes.add("crates/forebay/tests/it/main.rs", 7, 7);
        sizes.add("crates/forebay-server/src/run.rs", 50, 0);
        sizes.add("xtask/src/main.rs", 20, 5);
        let text = sizes.render();
        let rows: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        let expect = [
            vec!["part", "files", "lines", "tests"],
            vec!["forebay", "1", "0", "7"],
            vec!["forebay-server", "1", "50", "0"],
            vec!["forebay::cache", "2", "70", "40"],
            vec!["xtask", "1", "15", "5"],
            vec!["in", "all", "5", "135", "52"],
        ];
        assert_eq!(rows, expect);
    }
}
