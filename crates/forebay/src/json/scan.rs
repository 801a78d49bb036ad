//! Reads a JSON text from front to back. It keeps nothing but its place, and refuses what RFC 8259
//! refuses, escapes of half a surrogate pair, and nesting deeper than `DEPTH_MAX`.

use std::borrow::Cow;

/// Levels of lists and objects in one another; beyond it a reader that recurses would use up its
/// stack.
pub(crate) const DEPTH_MAX: usize = 128;

/// The text is not JSON, or is nested deeper than `DEPTH_MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Null,
    Boolean,
    Number,
    Text,
    List,
    Object,
}

/// A place in a JSON text.
pub(crate) struct Scan<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Scan<'a> {
    pub(crate) fn new(text: &'a str) -> Scan<'a> {
        Scan { text, at: 0, depth: 0 }
    }

    /// What the next value is. It is not passed.
    pub(crate) fn next(&mut self) -> Result<Next, Malformed> {
        Ok(match self.peek().ok_or(Malformed)? {
            b'n' => Next::Null,
            b't' | b'f' => Next::Boolean,
            b'-' | b'0'..=b'9' => Next::Number,
            b'"' => Next::Text,
            b'[' => Next::List,
            b'{' => Next::Object,
            _ => return Err(Malformed),
        })
    }

    pub(crate) fn null(&mut self) -> Result<(), Malformed> {
        if self.word("null") { Ok(()) } else { Err(Malformed) }
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, Malformed> {
        if self.word("true") {
            return Ok(true);
        }
        if self.word("false") { Ok(false) } else { Err(Malformed) }
    }

    /// A number, as it is written.
    pub(crate) fn number(&mut self) -> Result<&'a str, Malformed> {
        self.peek();
        let start = self.at;
        self.pass(|byte| byte == b'-', 1);
        if self.pass(|byte| byte == b'0', 1) == 0 {
            self.digits()?;
        }
        if self.pass(|byte| byte == b'.', 1) == 1 {
            self.digits()?;
        }
        if self.pass(|byte| matches!(byte, b'e' | b'E'), 1) == 1 {
            self.pass(|byte| matches!(byte, b'+' | b'-'), 1);
            self.digits()?;
        }
        Ok(&self.text[start..self.at])
    }

    /// A string without its quotes and escapes.
    pub(crate) fn text(&mut self) -> Result<Cow<'a, str>, Malformed> {
        self.byte(b'"')?;
        let mut unescaped: Option<String> = None;
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let plain = plain.ok_or(Malformed)?;
            let (piece, stop) = (&rest[..plain], rest.as_bytes()[plain]);
            self.at += plain + 1;
            match stop {
                b'"' => {
                    return Ok(match unescaped {
                        None => Cow::Borrowed(piece),
                        Some(text) => Cow::Owned(text + piece),
                    });
                }
                b'\\' => {
                    let text = unescaped.get_or_insert_default();
                    text.push_str(piece);
                    text.push(self.escape()?);
                }
                _ => return Err(Malformed),
            }
        }
    }

    /// Steps into a list or an object.
    pub(crate) fn enter(&mut self) -> Result<(), Malformed> {
        match self.peek() {
            Some(b'[' | b'{') if self.depth < DEPTH_MAX => {
                self.at += 1;
                self.depth += 1;
                Ok(())
            }
            _ => Err(Malformed),
        }
    }

    /// Whether another item follows in the list or object that `close` ends; its end is passed.
    pub(crate) fn item(&mut self, is_first: bool, close: u8) -> Result<bool, Malformed> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth -= 1;
                Ok(false)
            }
            Some(_) if is_first => Ok(true),
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            _ => Err(Malformed),
        }
    }

    /// The key of a member, and the colon.
    pub(crate) fn key(&mut self) -> Result<Cow<'a, str>, Malformed> {
        let key = self.text()?;
        self.byte(b':')?;
        Ok(key)
    }

    /// The next value whole, as it is written.
    pub(crate) fn raw(&mut self) -> Result<&'a str, Malformed> {
        self.peek();
        let start = self.at;
        self.skip()?;
        Ok(&self.text[start..self.at])
    }

    /// Nothing else may follow.
    pub(crate) fn end(&mut self) -> Result<(), Malformed> {
        self.peek().map_or(Ok(()), |_| Err(Malformed))
    }

    fn skip(&mut self) -> Result<(), Malformed> {
        let mut is_first = true;
        match self.next()? {
            Next::Null => self.null(),
            Next::Boolean => self.boolean().map(drop),
            Next::Number => self.number().map(drop),
            Next::Text => self.text().map(drop),
            Next::List => {
                self.enter()?;
                while self.item(is_first, b']')? {
                    self.skip()?;
                    is_first = false;
                }
                Ok(())
            }
            Next::Object => {
                self.enter()?;
                while self.item(is_first, b'}')? {
                    self.key()?;
                    self.skip()?;
                    is_first = false;
                }
                Ok(())
            }
        }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        self.pass(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'), usize::MAX);
        self.text.as_bytes().get(self.at).copied()
    }

    fn byte(&mut self, byte: u8) -> Result<(), Malformed> {
        let found = self.peek();
        self.at += 1;
        if found == Some(byte) { Ok(()) } else { Err(Malformed) }
    }

    fn word(&mut self, word: &str) -> bool {
        self.peek();
        let found = self.text[self.at..].starts_with(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    fn digits(&mut self) -> Result<(), Malformed> {
        match self.pass(|byte| byte.is_ascii_digit(), usize::MAX) {
            0 => Err(Malformed),
            _ => Ok(()),
        }
    }

    /// Passes bytes that `is` meets, `max` at most, and counts them.
    fn pass(&mut self, is: impl Fn(u8) -> bool, max: usize) -> usize {
        let rest = self.text.as_bytes()[self.at..].iter();
        let passed = rest.take(max).take_while(|byte| is(**byte)).count();
        self.at += passed;
        passed
    }

    fn escape(&mut self) -> Result<char, Malformed> {
        let letter = self.text.as_bytes().get(self.at).ok_or(Malformed)?;
        self.at += 1;
        Ok(match letter {
            b'"' | b'\\' | b'/' => char::from(*letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            // The place may be within a character now; nobody reads on after an error.
            _ => return Err(Malformed),
        })
    }

    fn unicode(&mut self) -> Result<char, Malformed> {
        let first = self.four()?;
        let code = match first {
            0xd800..=0xdbff => {
                if self.pass(|byte| byte == b'\\', 1) + self.pass(|byte| byte == b'u', 1) < 2 {
                    return Err(Malformed);
                }
                match self.four()? {
                    second @ 0xdc00..=0xdfff => {
                        0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
                    }
                    _ => return Err(Malformed),
                }
            }
            code => code,
        };
        char::from_u32(code).ok_or(Malformed)
    }

    fn four(&mut self) -> Result<u32, Malformed> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(Malformed)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, digit| {
            let digit = char::from(*digit).to_digit(16).ok_or(Malformed)?;
            Ok(code * 16 + digit)
        })
    }
}
