//! Writes an object member by member, in one line.

use std::fmt::Write as _;

use super::write;

/// An object that is being written.
pub(crate) struct Object(String);

impl Object {
    pub(crate) fn new() -> Object {
        Object("{".to_owned())
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) {
        self.key(key);
        write::text(text, &mut self.0);
    }

    /// A text, if there is one.
    pub(crate) fn text_if(&mut self, key: &str, text: Option<&str>) {
        if let Some(text) = text {
            self.text(key, text);
        }
    }

    pub(crate) fn number(&mut self, key: &str, number: u64) {
        self.key(key);
        let _ = write!(self.0, "{number}");
    }

    /// Seconds with three digits behind the point.
    pub(crate) fn seconds(&mut self, key: &str, ms: u64) {
        self.key(key);
        let _ = write!(self.0, "{}.{:03}", ms / 1_000, ms % 1_000);
    }

    pub(crate) fn flag(&mut self, key: &str, flag: bool) {
        self.key(key);
        self.0.push_str(if flag { "true" } else { "false" });
    }

    /// 16 hexadecimal digits in quotes, since not every reader has 64 bits for a number.
    pub(crate) fn digest(&mut self, key: &str, digest: u64) {
        self.text(key, &format!("{digest:016x}"));
    }

    pub(crate) fn texts(&mut self, key: &str, texts: &[String]) {
        self.list(key, texts, |text, out| write::text(text, out));
    }

    pub(crate) fn numbers(&mut self, key: &str, numbers: &[u64]) {
        self.list(key, numbers, |number, out| {
            let _ = write!(out, "{number}");
        });
    }

    /// The object, with its end.
    pub(crate) fn end(mut self) -> String {
        self.0.push('}');
        self.0
    }

    fn key(&mut self, key: &str) {
        if self.0.len() > 1 {
            self.0.push(',');
        }
        write::text(key, &mut self.0);
        self.0.push(':');
    }

    fn list<T>(&mut self, key: &str, items: &[T], write: impl Fn(&T, &mut String)) {
        self.key(key);
        self.0.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.0.push(',');
            }
            write(item, &mut self.0);
        }
        self.0.push(']');
    }
}
