//! The import table of the architecture page: who may import whom. It is read here and nowhere
//! repeated, so that the page and the check cannot differ.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::Finding;

const HEADING: &str = "## Import table";
const HEADER: [&str; 2] = ["module", "may import"];

/// In the second column: every row above this one.
const ALL_ABOVE: &str = "all above";

/// One row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) line: usize,
    may: BTreeSet<String>,
}

/// The rows by the name in their first column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) rows: BTreeMap<String, Row>,
}

impl Table {
    /// Reads the table out of the page at `path`, with what is wrong in it.
    pub(crate) fn parse(path: &str, page: &str) -> (Table, Vec<Finding>) {
        let mut table = Table::default();
        let mut findings = Vec::new();
        let mut order: Vec<String> = Vec::new();
        for (line, cells) in cells(page) {
            let [module, may] = cells.as_slice() else {
                let message = "a row of the import table has two cells: module and may import";
                findings.push(Finding::new(path, line, message));
                continue;
            };
            let module = module.trim_matches('`').to_owned();
            let row = Row { line, may: imports(may, &order) };
            if table.rows.insert(module.clone(), row).is_some() {
                let message = format!("`{module}` has two rows in the import table: join them");
                findings.push(Finding::new(path, line, message));
            }
            order.push(module);
        }
        if order.is_empty() {
            let message = format!(
                "no import table: write `{HEADING}` and below it a table `| {} | {} |`",
                HEADER[0], HEADER[1]
            );
            findings.push(Finding::new(path, 1, message));
        }
        findings.extend(table.check(path));
        (table, findings)
    }

    /// Whether `from` may import `to`. Everything may import itself, a name without a row nothing.
    pub(crate) fn allows(&self, from: &str, to: &str) -> bool {
        from == to || self.rows.get(from).is_some_and(|row| row.may.contains(to))
    }

    fn check(&self, path: &str) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (module, row) in &self.rows {
            for name in row.may.iter().filter(|name| !self.rows.contains_key(*name)) {
                if name != "forebay" {
                    let message = format!("`{module}` may import `{name}`, which has no row");
                    findings.push(Finding::new(path, row.line, message));
                }
            }
            if self.reaches(module, module) {
                let message =
                    format!("`{module}` may import itself by a ring: imports point one way");
                findings.push(Finding::new(path, row.line, message));
            }
        }
        findings
    }

    /// Whether a chain of one or more allowed imports leads from `from` to `to`.
    fn reaches(&self, from: &str, to: &str) -> bool {
        let mut seen = BTreeSet::new();
        let mut open = vec![from];
        while let Some(name) = open.pop() {
            for next in self.rows.get(name).iter().flat_map(|row| &row.may) {
                if next == to {
                    return true;
                }
                if seen.insert(next.as_str()) {
                    open.push(next);
                }
            }
        }
        false
    }
}

/// The cells of each row below the heading, without the header and the rule under it.
fn cells(page: &str) -> Vec<(usize, Vec<String>)> {
    let lines = page.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let section = lines
        .skip_while(|(_, line)| *line != HEADING)
        .skip(1)
        .take_while(|(_, line)| !line.starts_with('#'));
    let table = section.filter(|(_, line)| line.starts_with('|'));
    let rows = table.map(|(line, text)| {
        let cells = text.trim_matches('|').split('|').map(|cell| cell.trim().to_owned());
        (line, cells.collect::<Vec<_>>())
    });
    let is_rule = |cell: &String| cell.chars().all(|c| c == '-' || c == ':') && cell.len() > 1;
    rows.filter(|(_, cells)| cells != &HEADER && !cells.iter().all(is_rule)).collect()
}

/// The names in a cell; `-` stands for none.
fn imports(cell: &str, above: &[String]) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    if cell.contains(ALL_ABOVE) {
        names.extend(above.iter().cloned());
    }
    let listed = cell.replace(ALL_ABOVE, "");
    let words = listed.split([',', ' ', '`']).filter(|word| !word.is_empty() && *word != "-");
    names.extend(words.map(str::to_owned));
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(rows: &str) -> String {
        format!(
            "# Page\n\n## Import table\n\n| module | may import |\n|---|---|\n{rows}\n## Next\n"
        )
    }

    #[test]
    fn rows_allow_what_they_list() {
        let text = page("| `a` | - |\n| `b` | `a` |\n| c | all above |\n| `d` | `a`, `c` |\n");
        let (table, findings) = Table::parse("A.md", &text);
        assert_eq!(findings, []);
        let check = |from: &str, to: &str, expect: bool| {
            assert_eq!(table.allows(from, to), expect, "{from} -> {to}");
        };
        check("a", "a", true);
        check("b", "a", true);
        check("a", "b", false);
        check("c", "a", true);
        check("c", "b", true);
        check("c", "d", false);
        check("d", "c", true);
        check("d", "b", false);
        check("unknown", "a", false);
    }

    #[test]
    fn a_table_that_cannot_hold_is_refused() {
        let check = |text: &str, expect: &[(usize, &str)]| {
            let (_, findings) = Table::parse("A.md", text);
            assert_eq!(findings.len(), expect.len(), "{findings:?}");
            for (finding, (line, part)) in findings.iter().zip(expect) {
                assert_eq!(finding.line, *line, "{finding}");
                assert!(finding.message.contains(part), "{finding}");
            }
        };
        check("# Page\n| `a` | - |\n", &[(1, "no import table")]);
        check("## Import table\n\n## Next\n| `a` | - |\n", &[(1, "no import table")]);
        check(&page("| `a` | - |\n| `a` | - |\n"), &[(8, "two rows")]);
        check(&page("| `a` |\n| `b` | - |\n"), &[(7, "two cells")]);
        check(&page("| `a` | `gone` |\n"), &[(7, "`gone`, which has no row")]);
        check(&page("| `a` | `b` |\n| `b` | `a` |\n"), &[(7, "ring"), (8, "ring")]);
        check(&page("| `server` | `forebay` |\n"), &[]);
    }
}
