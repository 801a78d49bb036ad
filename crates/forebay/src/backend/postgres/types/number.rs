//! Floats. A `float4` becomes the `f64` that its own shortest digits stand for: 0.1 stays 0.1 in
//! JSON and in text, and an `f32` gets the same float back.

use compact_str::format_compact;

/// The `f64` of a `float4`.
pub(super) fn widen(x: f32) -> f64 {
    let digits = format_compact!("{x:e}");
    match digits.parse::<f64>() {
        Ok(wide) if (wide as f32).to_bits() == x.to_bits() => wide,
        // Infinities and what is not a number have no digits.
        _ => f64::from(x),
    }
}

/// A float as the server writes it.
pub(super) fn parse(text: &str) -> Option<f64> {
    text.parse().ok()
}
