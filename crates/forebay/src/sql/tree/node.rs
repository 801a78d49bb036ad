//! The text of a `pg_node_tree`, as the server's `outfuncs.c` writes it, read into nodes without
//! knowing what they mean. Fields are found by name, so a version may add and reorder them. What
//! is not of that form is a fault; nothing is guessed, and no text makes it panic or go deep.

use compact_str::CompactString;

/// Bytes of one tree.
const TEXT_MAX: usize = 8_000_000;

/// Nodes of one tree, atoms included.
const NODES_MAX: usize = 1_000_000;

/// Records and lists within one another.
const DEPTH_MAX: usize = 256;

/// What stands at one place of a tree.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// `<>`.
    Null,
    /// A number, a truth value, a name or a string, without its escapes.
    Atom(CompactString),
    /// `{NAME :field value …}`.
    Record(Record),
    /// `(…)` of nodes.
    List(Vec<Node>),
    /// `(i …)`, `(o …)`, `(b …)` or `(x …)`.
    Numbers(Vec<i64>),
    /// The bytes of a constant.
    Datum(Vec<u8>),
}

/// A node with a name and fields.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    /// As version 15 writes it, which gave some nodes longer names than 14.
    pub(crate) name: CompactString,
    pub(crate) fields: Vec<(CompactString, Node)>,
}

/// Why a text is not a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) &'static str);

impl Node {
    /// Reads a whole tree. Cost: a pass over the text.
    pub(crate) fn parse(text: &str) -> Result<Node, Fault> {
        if text.len() > TEXT_MAX {
            return Err(Fault("the tree is longer than 8 MB"));
        }
        let mut reader = Reader { text, position: 0, nodes: 0 };
        let token = reader.token()?;
        let node = reader.node(token, 0)?;
        match reader.token()? {
            Token::End => Ok(node),
            _ => Err(Fault("something follows the tree")),
        }
    }

    pub(super) fn record(&self) -> Option<&Record> {
        match self {
            Node::Record(record) => Some(record),
            _ => None,
        }
    }

    /// The record, if it has this name.
    pub(super) fn named(&self, name: &str) -> Option<&Record> {
        self.record().filter(|record| record.name == name)
    }

    /// The members of a list; none of anything else.
    pub(super) fn list(&self) -> &[Node] {
        match self {
            Node::List(list) => list,
            _ => &[],
        }
    }

    pub(super) fn numbers(&self) -> &[i64] {
        match self {
            Node::Numbers(numbers) => numbers,
            _ => &[],
        }
    }

    pub(super) fn number(&self) -> Option<i64> {
        match self {
            Node::Atom(text) => text.parse().ok(),
            _ => None,
        }
    }
}

impl Record {
    /// The field of this name; what is not there is null.
    pub(super) fn field(&self, name: &str) -> &Node {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map_or(&Node::Null, |(_, node)| node)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        *self.field(name) != Node::Null
    }

    pub(super) fn number(&self, name: &str) -> Option<i64> {
        self.field(name).number()
    }

    /// The oid in a field; none where it is 0.
    pub(super) fn oid(&self, name: &str) -> Option<u32> {
        self.number(name).and_then(|n| u32::try_from(n).ok()).filter(|oid| *oid != 0)
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        match self.field(name) {
            Node::Atom(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.text(name) == Some("true")
    }

    pub(super) fn list(&self, name: &str) -> &[Node] {
        self.field(name).list()
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Token<'a> {
    Open,
    Close,
    Begin,
    Finish,
    /// With its escapes.
    Word(&'a str),
    End,
}

struct Reader<'a> {
    text: &'a str,
    position: usize,
    nodes: usize,
}

impl<'a> Reader<'a> {
    /// The next token, cut where the server's `pg_strtok` cuts it.
    fn token(&mut self) -> Result<Token<'a>, Fault> {
        let bytes = self.text.as_bytes();
        let is_blank = |byte: u8| matches!(byte, b' ' | b'\n' | b'\t');
        while bytes.get(self.position).copied().is_some_and(is_blank) {
            self.position += 1;
        }
        let start = self.position;
        let Some(first) = bytes.get(start) else { return Ok(Token::End) };
        self.position += 1;
        match first {
            b'(' => return Ok(Token::Open),
            b')' => return Ok(Token::Close),
            b'{' => return Ok(Token::Begin),
            b'}' => return Ok(Token::Finish),
            _ => self.position = start,
        }
        while let Some(byte) = bytes.get(self.position).copied() {
            match byte {
                b'(' | b')' | b'{' | b'}' => break,
                byte if is_blank(byte) => break,
                // An escape and what it escapes; a character of several bytes goes on as usual.
                b'\\' if self.position + 1 < bytes.len() => self.position += 2,
                b'\\' => return Err(Fault("the tree ends within an escape")),
                _ => self.position += 1,
            }
        }
        let word = self.text.get(start..self.position);
        word.map(Token::Word).ok_or(Fault("a character is cut"))
    }

    fn node(&mut self, token: Token<'a>, depth: usize) -> Result<Node, Fault> {
        self.nodes += 1;
        if self.nodes > NODES_MAX {
            return Err(Fault("the tree has more than a million nodes"));
        }
        if depth > DEPTH_MAX {
            return Err(Fault("the tree is deeper than 256 levels"));
        }
        match token {
            Token::Begin => self.fields(depth).map(Node::Record),
            Token::Open => self.members(depth),
            Token::Word("<>") => Ok(Node::Null),
            Token::Word(word) => Ok(Node::Atom(plain(word))),
            Token::Close | Token::Finish | Token::End => Err(Fault("a value is missing")),
        }
    }

    /// What is between `{` and `}`.
    fn fields(&mut self, depth: usize) -> Result<Record, Fault> {
        let Token::Word(name) = self.token()? else { return Err(Fault("a node has no name")) };
        let mut record = Record { name: long(name).into(), fields: Vec::new() };
        let mut next = self.token()?;
        loop {
            let name = match next {
                Token::Finish => return Ok(record),
                Token::Word(word) => word.strip_prefix(':').ok_or(Fault("a field has no name"))?,
                _ => return Err(Fault("a field has no name")),
            };
            if record.fields.iter().any(|(known, _)| known == name) {
                return Err(Fault("a field is there twice"));
            }
            let token = self.token()?;
            let mut value = self.node(token, depth + 1)?;
            next = self.token()?;
            if next == Token::Word("[") {
                value = Node::Datum(self.datum(&value)?);
                next = self.token()?;
            }
            record.fields.push((name.into(), value));
        }
    }

    fn members(&mut self, depth: usize) -> Result<Node, Fault> {
        let mut token = self.token()?;
        if matches!(token, Token::Word("i" | "o" | "b" | "x")) {
            return self.integers().map(Node::Numbers);
        }
        let mut members = Vec::new();
        while token != Token::Close {
            members.push(self.node(token, depth + 1)?);
            token = self.token()?;
        }
        Ok(Node::List(members))
    }

    fn integers(&mut self) -> Result<Vec<i64>, Fault> {
        let mut numbers = Vec::new();
        loop {
            match self.token()? {
                Token::Close => return Ok(numbers),
                Token::Word(word) => {
                    self.nodes += 1;
                    numbers.push(word.parse().map_err(|_| Fault("a number is none"))?);
                }
                _ => return Err(Fault("a number is none")),
            }
            if self.nodes > NODES_MAX {
                return Err(Fault("the tree has more than a million nodes"));
            }
        }
    }

    /// The bytes after `[`. A value that is passed by value is written as the whole word that
    /// holds it, more bytes than its length says.
    fn datum(&mut self, length: &Node) -> Result<Vec<u8>, Fault> {
        let length = length.number().and_then(|n| usize::try_from(n).ok());
        let length = length.ok_or(Fault("a constant has no length"))?;
        let mut bytes = Vec::new();
        loop {
            match self.token()? {
                Token::Word("]") => break,
                Token::Word(word) => {
                    // They are written as `char`, which has a sign on some machines.
                    let byte: i16 = word.parse().map_err(|_| Fault("a byte is none"))?;
                    let byte = match byte {
                        -128..=-1 => byte + 256,
                        0..=255 => byte,
                        _ => return Err(Fault("a byte is none")),
                    };
                    bytes.push(byte.to_le_bytes()[0]);
                }
                _ => return Err(Fault("a byte is none")),
            }
        }
        if bytes.len() < length { Err(Fault("a constant is short")) } else { Ok(bytes) }
    }
}

/// A word without its escapes, and without the quotes that strings in lists have.
fn plain(word: &str) -> CompactString {
    let quoted = word.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let word = quoted.unwrap_or(word);
    let mut plain = CompactString::default();
    let mut chars = word.chars();
    while let Some(next) = chars.next() {
        match next {
            '\\' => plain.extend(chars.next()),
            next => plain.push(next),
        }
    }
    plain
}

/// The name that version 15 gave to a node of version 14.
fn long(name: &str) -> &str {
    match name {
        "ARRAY" => "ARRAYEXPR",
        "CASE" => "CASEEXPR",
        "COALESCE" => "COALESCEEXPR",
        "COLLATE" => "COLLATEEXPR",
        "MINMAX" => "MINMAXEXPR",
        "ROW" => "ROWEXPR",
        "ROWCOMPARE" => "ROWCOMPAREEXPR",
        "RTE" => "RANGETBLENTRY",
        "WHEN" => "CASEWHEN",
        name => name,
    }
}
