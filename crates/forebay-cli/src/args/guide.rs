//! Every call of `forebay` that README.md and the guide show is one that can be typed.
#![cfg(test)]

use std::path::{Path, PathBuf};

use clap::Parser;

use super::Cli;

/// README.md and the pages of the guide.
fn pages() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let guide = std::fs::read_dir(root.join("docs/guide")).unwrap();
    let guide = guide.map(|entry| entry.unwrap().path());
    let is_page = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "md");
    std::iter::once(root.join("README.md")).chain(guide.filter(is_page)).collect()
}

/// The calls of `forebay` in the shell examples of a page, as words.
fn calls(page: &str) -> Vec<Vec<String>> {
    let examples = page.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines: Vec<String> = examples.map(|example| example.replace("\\\n", " ")).collect();
    let is_end = |word: &String| ["|", "&", "&&", ";", ">"].contains(&word.as_str());
    let mut found = Vec::new();
    for line in lines.iter().flat_map(|example| example.lines()) {
        let words = shlex::split(line).unwrap_or_else(|| panic!("no shell reads this: {line}"));
        for command in words.split(is_end) {
            let is_variable = |word: &&String| word.contains('=') && !word.starts_with('-');
            let variables = command.iter().take_while(is_variable).count();
            let command = match &command[variables..] {
                [cargo, ..] if cargo == "cargo" => {
                    let own = command.windows(2).position(|two| two == ["forebay", "--"]);
                    own.map(|at| [&command[at..=at], &command[at + 2..]].concat())
                }
                command => Some(command.to_vec()),
            };
            found.extend(command.filter(|it| it.first().is_some_and(|word| word == "forebay")));
        }
    }
    found
}

#[test]
fn every_call_in_the_guide_can_be_typed() {
    let mut tried = 0;
    for page in pages() {
        for call in calls(&std::fs::read_to_string(&page).unwrap()) {
            tried += 1;
            if let Err(error) = Cli::try_parse_from(&call) {
                // What `--version` prints comes as an error that is none.
                assert!(!error.use_stderr(), "{}: {call:?}\n{error}", page.display());
            }
        }
    }
    assert!(tried > 60, "{tried}");
}

#[test]
fn calls_are_found_where_a_shell_would_run_them() {
    let check = |line: &str, expect: &[&[&str]]| {
        assert_eq!(calls(&format!("```sh\n{line}\n```\n")), expect, "{line}");
    };
    check("A=… forebay top --once   # one page", &[&["forebay", "top", "--once"]]);
    check("zcat a | forebay load b 'c d' &", &[&["forebay", "load", "b", "c d"]]);
    check("cargo run --bin forebay -- serve \\\n    a", &[&["forebay", "serve", "a"]]);
    check("docker build -t forebay .; cargo add forebay\n# forebay", &[]);
}
