//! Texts that stand for the present moment: `'now'`, `'today'` and their like, which the server
//! turns into a date or time when it parses a literal, so that the tree shows a constant, or when
//! it reads a parameter. Such an answer is another one tomorrow, and no change tells.

/// The words that stand for a moment which passes.
const WORDS: [&str; 4] = ["now", "today", "tomorrow", "yesterday"];

/// Whether no literal in the text of a statement can stand for the present moment. It does not
/// read the text as SQL: the letters, with everything else left out, must not hold such a word, so
/// a literal in several pieces is seen too; and nothing may be about that could hide letters
/// (escapes) or come between them (comments between quotes).
pub(super) fn is_free_of_now(sql: &str) -> bool {
    let letters: String = sql.chars().filter(char::is_ascii_alphabetic).collect();
    let letters = letters.to_ascii_lowercase();
    let is_quote = |c: char| c == '\'' || c == '$';
    let quoted = match (sql.find(is_quote), sql.rfind(is_quote)) {
        (Some(first), Some(last)) => &sql[first..=last],
        _ => "",
    };
    let hides = ["--", "/*", "\\"].iter().any(|mark| quoted.contains(mark)) || sql.contains("&'");
    !hides && !WORDS.iter().any(|word| letters.contains(word))
}

/// Whether a text that is read as a date or time, or as an array or a range of them, stands for
/// the same value for ever: it begins with a digit or a bracket and has no letters but those that
/// set a time apart and mark the zone UTC.
pub(super) fn is_fixed(text: &str) -> bool {
    let is_plain = |byte: u8| {
        byte.is_ascii_digit() || matches!(byte, b'-' | b':' | b'.' | b'+' | b' ' | b'T' | b'Z')
    };
    let is_bracket =
        |byte: u8| matches!(byte, b'{' | b'}' | b'[' | b']' | b'(' | b')' | b',' | b'"');
    let first = text.bytes().next();
    first.is_some_and(|byte| byte.is_ascii_digit() || is_bracket(byte))
        && text.bytes().all(|byte| is_plain(byte) || is_bracket(byte))
}
