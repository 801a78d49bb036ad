//! Sizes: functions, files and lines. Tests are exempt from the first two.

use super::finding::Finding;
use super::outline::Outline;

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 500;
const LINE_COLUMNS_MAX: usize = 100;

/// Functions and the file as a whole, of a file that is shipped.
pub(crate) fn check_sizes(path: &str, text: &str, outline: &Outline) -> Vec<Finding> {
    let mut findings = Vec::new();
    for function in &outline.functions {
        let lines = function.lines.clone().count();
        if lines > FUNCTION_LINES_MAX {
            let message = format!(
                "the function `{}` has {lines} lines, at most {FUNCTION_LINES_MAX}: give a part of \
                 it a name of its own",
                function.name
            );
            findings.push(Finding::new(path, *function.lines.start(), message));
        }
    }
    let lines = text.lines().count() - outline.test_lines();
    if lines > FILE_LINES_MAX {
        let message = format!(
            "the file has {lines} lines outside tests, at most {FILE_LINES_MAX}: split it by topic"
        );
        findings.push(Finding::new(path, FILE_LINES_MAX + 1, message));
    }
    findings
}

/// The width of every line, tests included.
pub(crate) fn check_columns(path: &str, text: &str) -> Vec<Finding> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.chars().count()));
    let wide = lines.filter(|(_, columns)| *columns > LINE_COLUMNS_MAX);
    wide.map(|(line, columns)| {
        let message =
            format!("the line has {columns} columns, at most {LINE_COLUMNS_MAX}: break it");
        Finding::new(path, line, message)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks the text and compares the lines of the findings.
    fn sizes(text: &str, expect: &[usize]) {
        let outline = Outline::parse(text, 1).unwrap();
        let findings = check_sizes("a.rs", text, &outline);
        let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
        assert_eq!(lines, expect, "{findings:?}");
    }

    fn function(lines: usize) -> String {
        format!("fn a() {{\n{}}}\n", "work();\n".repeat(lines - 2))
    }

    #[test]
    fn functions_have_at_most_70_lines() {
        sizes(&function(70), &[]);
        sizes(&function(71), &[1]);
        sizes(&format!("struct A;\n\n{}{}", function(70), function(71)), &[73]);
        sizes(&format!("#[cfg(test)]\nmod tests {{\n{}}}\n", function(71)), &[]);
        sizes(&format!("#[cfg(not(test))]\n{}", function(71)), &[2]);
        sizes(&format!("macro_rules! m {{ () => {{\n{}}} }}\n", function(71)), &[2]);
    }

    #[test]
    fn files_have_at_most_500_lines_outside_tests() {
        sizes(&"// Text.\n".repeat(500), &[]);
        sizes(&"// Text.\n".repeat(501), &[501]);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// Text.\n".repeat(900));
        sizes(&("// Text.\n".repeat(500) + &tests), &[]);
        sizes(&("// Text.\n".repeat(501) + &tests), &[501]);
    }

    #[test]
    fn lines_have_at_most_100_columns() {
        let check = |text: &str, expect: &[usize]| {
            let findings = check_columns("a.rs", text);
            let lines: Vec<usize> = findings.iter().map(|finding| finding.line).collect();
            assert_eq!(lines, expect);
        };
        check(&"x".repeat(100), &[]);
        check(&"ü".repeat(100), &[]);
        check(&format!("short\n{}\n", "x".repeat(101)), &[2]);
        check(&format!("// {}\r\n", "x".repeat(97)), &[]);
    }
}
