//! Figures that were measured say where: a section of README.md or the guide with a time in
//! microseconds, which no setting and no limit has, leads to a run or to the decision with its
//! table.

use super::finding::Finding;
use super::tree::File;

const FOLDER: &str = "docs/guide/";

const UNIT: &str = "µs";

/// Where figures are kept with the command and the machine.
const KEPT: [&str; 2] = ["bench/runs/", "decisions/"];

/// Each section with a measured time must have a link to where it was measured.
pub(crate) fn check(pages: &[File]) -> Vec<Finding> {
    let shown = |page: &&File| page.path == "README.md" || page.path.starts_with(FOLDER);
    pages.iter().filter(shown).flat_map(check_page).collect()
}

fn check_page(page: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut first = None;
    let mut is_kept = false;
    let mut is_code = false;
    // A heading after the end, so that the last section is judged, too.
    for (index, line) in page.text.lines().chain(["# "]).enumerate() {
        is_code ^= line.trim_start().starts_with("```");
        if !is_code && line.starts_with('#') {
            if let Some(line) = first.filter(|_| !is_kept) {
                let message =
                    "a time was measured, and the section does not say where: link its run";
                findings.push(Finding::new(&page.path, line, message));
            }
            (first, is_kept) = (None, false);
        }
        if first.is_none() && line.contains(UNIT) {
            first = Some(index + 1);
        }
        is_kept |= KEPT.iter().any(|place| line.contains(place));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measured_times_say_where() {
        let check = |path: &str, text: &str, expect: &[usize]| {
            let page = File { path: path.to_owned(), text: text.to_owned() };
            let lines: Vec<usize> = super::check(&[page]).iter().map(|it| it.line).collect();
            assert_eq!(lines, expect, "{text}");
        };
        let guide = "docs/guide/a.md";
        check(guide, "# A\n5 µs ([measured](../../bench/runs/1/README.md))\n", &[]);
        check(guide, "# A\n5 µs\n## B\n[r](../../bench/runs/1/README.md)\n", &[2]);
        check(guide, "# A\n```text\n# no heading\n5 µs\n```\n## B\n6 µs", &[4, 7]);
        check(guide, "5 ms, 3 s\n", &[]);
        check("README.md", "5 µs", &[1]);
        check("docs/design/a.md", "5 µs", &[]);
    }
}
