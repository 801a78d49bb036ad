//! Starts one of the applications: `cargo run -p forebay-examples reader`. They are one program
//! because six would take six times as long to build; each folder is a program by itself when it is
//! copied, with its `main.rs` as the root.

#[path = "chat/main.rs"]
mod chat;
#[path = "flashcards/main.rs"]
mod flashcards;
#[path = "observatory/main.rs"]
mod observatory;
#[path = "production/main.rs"]
mod production;
#[path = "reader/main.rs"]
mod reader;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    match std::env::args().nth(1).as_deref() {
        Some("chat") => chat::main(),
        Some("flashcards") => flashcards::main(),
        Some("observatory") => observatory::main(),
        Some("production") => production::main(),
        Some("reader") => reader::main(),
        _ => Err("name one of: chat, flashcards, observatory, production, reader".into()),
    }
}
