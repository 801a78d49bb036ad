//! The example applications as programs: started as a reader of them would, asked over HTTP, and
//! compared with what the bare database has.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[cfg(unix)]
mod chat;
mod flashcards;
#[cfg(unix)]
mod observatory;
mod production;
mod program;
mod reader;
/// The application of README.md.
mod walk;

/// Lines of Rust and SQL of one application, blank ones and comments too: it is to be read in one
/// sitting.
const LINES_MAX: usize = 400;

#[test]
fn each_application_is_short() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["walk", "reader", "chat", "production", "flashcards", "observatory"] {
        let lines = lines(&root.join(name));
        assert!((1..=LINES_MAX).contains(&lines), "{name} has {lines} lines");
    }
}

fn lines(folder: &std::path::Path) -> usize {
    let count = |entry: std::fs::DirEntry| match entry.path() {
        path if path.is_dir() => lines(&path),
        path if path.extension().is_some_and(|kind| kind == "rs" || kind == "sql") => {
            std::fs::read_to_string(path).unwrap().lines().count()
        }
        _ => 0,
    };
    std::fs::read_dir(folder).unwrap().map(|entry| count(entry.unwrap())).sum()
}
