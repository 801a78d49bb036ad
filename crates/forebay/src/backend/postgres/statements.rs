//! The statements that one connection keeps prepared: bounded, the one that was not used for
//! longest goes first. It sends nothing; names that the server may forget are collected here.

use std::collections::HashMap;
use std::sync::Arc;

use super::describe::Shape;

/// A statement that the server has prepared.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) name: Box<str>,
    /// The types of the parameters.
    pub(super) parameters: Box<[u32]>,
    pub(super) shape: Shape,
    /// It answers rows, if only of no columns.
    pub(super) has_columns: bool,
}

pub(super) struct Statements {
    known: HashMap<Arc<str>, Known>,
    known_max: usize,
    clock: u64,
    names: u64,
    /// Out of the cache, perhaps still running: as many as requests in flight at most.
    retired: Vec<Arc<Statement>>,
    /// Names that nothing uses any more and the server still knows.
    closing: Vec<Box<str>>,
}

struct Known {
    statement: Arc<Statement>,
    used: u64,
}

impl Statements {
    pub(super) fn new(known_max: usize) -> Statements {
        Statements {
            known: HashMap::new(),
            known_max: known_max.max(1),
            clock: 0,
            names: 0,
            retired: Vec::new(),
            closing: Vec::new(),
        }
    }

    /// A name that was never used on this connection.
    pub(super) fn name(&mut self) -> Box<str> {
        self.names += 1;
        format!("forebay_{}", self.names).into()
    }

    pub(super) fn find(&mut self, sql: &str) -> Option<Arc<Statement>> {
        self.clock += 1;
        let known = self.known.get_mut(sql)?;
        known.used = self.clock;
        Some(known.statement.clone())
    }

    /// Keeps what was prepared. Who prepared the same text first is followed.
    pub(super) fn keep(&mut self, sql: Arc<str>, statement: Statement) -> Arc<Statement> {
        if let Some(first) = self.find(&sql) {
            self.closing.push(statement.name);
            return first;
        }
        if self.known.len() >= self.known_max
            && let Some(oldest) = self.known.iter().min_by_key(|(_, known)| known.used)
        {
            let oldest = oldest.0.clone();
            self.forget(&oldest);
        }
        let statement = Arc::new(statement);
        let known = Known { statement: statement.clone(), used: self.clock };
        self.known.insert(sql, known);
        statement
    }

    /// The next use prepares it again.
    pub(super) fn forget(&mut self, sql: &str) {
        if let Some(known) = self.known.remove(sql) {
            self.retired.push(known.statement);
        }
    }

    /// The server has forgotten all of them.
    pub(super) fn forget_all(&mut self) {
        self.known.clear();
        self.retired.clear();
        self.closing.clear();
    }

    /// The server may still know the name of a statement that was never kept.
    pub(super) fn close(&mut self, name: Box<str>) {
        self.closing.push(name);
    }

    /// The names that the server is to forget now: no request in flight uses them.
    pub(super) fn closing(&mut self) -> Vec<Box<str>> {
        let unused = self.retired.extract_if(.., |retired| Arc::strong_count(retired) == 1);
        let names = unused.map(|retired| retired.name.clone());
        self.closing.extend(names);
        std::mem::take(&mut self.closing)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statement(name: &str) -> Statement {
        Statement {
            name: name.into(),
            parameters: Box::new([]),
            shape: Shape::none(),
            has_columns: false,
        }
    }

    #[test]
    fn the_one_not_used_for_longest_goes_when_nothing_uses_it() {
        let mut statements = Statements::new(2);
        let a = statements.keep("a".into(), statement("1"));
        statements.keep("b".into(), statement("2"));
        assert!(statements.find("a").is_some());
        statements.keep("c".into(), statement("3"));
        assert!(statements.find("b").is_none() && statements.len() == 2);
        assert_eq!(statements.closing(), [Box::<str>::from("2")]);
        statements.forget("a");
        assert!(statements.closing().is_empty(), "it is still running");
        drop(a);
        assert_eq!(statements.closing(), [Box::<str>::from("1")]);
        assert!(statements.closing().is_empty());
    }

    #[test]
    fn the_second_of_one_text_is_closed() {
        let mut statements = Statements::new(2);
        statements.keep("a".into(), statement("1"));
        assert_eq!(&*statements.keep("a".into(), statement("2")).name, "1");
        assert_eq!(statements.closing(), [Box::<str>::from("2")]);
        statements.close("3".into());
        statements.forget_all();
        assert!(statements.closing().is_empty() && statements.find("a").is_none());
    }
}
