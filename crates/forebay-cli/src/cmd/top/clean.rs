//! Text from elsewhere, made fit for a terminal. It knows no layout.

/// Bytes of one text at most: of a statement nobody reads more on a screen.
const BYTES_MAX: usize = 8_192;

/// The text in one line, without what would move the cursor, change colours or turn the reading
/// direction around.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if out.len() >= BYTES_MAX {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' | ' ' => {
                if !out.ends_with(' ') {
                    out.push(' ');
                }
            }
            // Marks of direction, and what joins or hides.
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{2069}'
            | '\u{feff}' => out.push('\u{fffd}'),
            c if c.is_control() => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}
