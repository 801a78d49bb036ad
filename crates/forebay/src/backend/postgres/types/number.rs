//! Floats. A `float4` becomes the `f64` that its own shortest digits stand for: 0.1 stays 0.1 in
//! JSON and in text, and an `f32` gets the same float back.

use compact_str::format_compact;

/// Significant digits that tell any two `float4` apart.
const DIGITS_MAX: usize = 9;

/// The `f64` of a `float4`.
pub(super) fn widen(x: f32) -> f64 {
    if !x.is_finite() {
        return f64::from(x);
    }
    let shortest = format_compact!("{x:e}");
    let digits = shortest.bytes().take_while(|byte| *byte != b'e').filter(u8::is_ascii_digit);
    // The server takes no digits that lie exactly between two floats, though read as even they
    // would be this one. A digit more is then closer.
    (digits.count()..DIGITS_MAX).map(|after_point| format_compact!("{x:.after_point$e}")).fold(
        read(&shortest),
        |wide, longer| if is_between(wide, x) { read(&longer) } else { wide },
    )
}

fn read(digits: &str) -> f64 {
    digits.parse().expect("a finite float is written as digits")
}

/// Whether `wide` is as far from `x` as from one of its neighbours.
fn is_between(wide: f64, x: f32) -> bool {
    let mirrored = 2.0 * wide - f64::from(x);
    mirrored == f64::from(x.next_up()) || mirrored == f64::from(x.next_down())
}

/// A float as the server writes it.
pub(super) fn parse(text: &str) -> Option<f64> {
    text.parse().ok()
}
