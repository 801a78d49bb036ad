//! All ratios as bars on a logarithmic axis, as SVG: to the right of 1 Forebay is ahead.

use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::report::Line;

const WIDTH: i32 = 1_000;
/// Where the bars may lie, and how high one is with what is around it.
const LEFT: i32 = 560;
const RIGHT: i32 = WIDTH - 70;
const TOP: i32 = 56;
const ROW: i32 = 22;

const AHEAD: RGBColor = RGBColor(0, 114, 178);
const BEHIND: RGBColor = RGBColor(213, 94, 0);
const GRID: RGBColor = RGBColor(220, 220, 220);

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// `None` where there is nothing to draw.
pub(super) fn svg(lines: &[Line<'_>]) -> Result<Option<String>> {
    if lines.is_empty() {
        return Ok(None);
    }
    let height = TOP + ROW * lines.len() as i32 + 20;
    let mut text = String::new();
    {
        let size = (WIDTH as u32, height as u32);
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        draw(&area, lines, height).context("cannot draw the ratios")?;
    }
    Ok(Some(text))
}

fn draw(area: &Area<'_>, lines: &[Line<'_>], height: i32) -> Result<()> {
    area.fill(&WHITE).map_err(told)?;
    let decades = decades(lines);
    let at = |ratio: f64| {
        let share = (ratio.log10() - f64::from(decades.0)) / f64::from(decades.1 - decades.0);
        LEFT + (share * f64::from(RIGHT - LEFT)) as i32
    };
    let small = ("sans-serif", 12).into_font();
    let title = "the peer's time by Forebay's: to the right of 1, Forebay is ahead";
    area.draw(&Text::new(title, (12, 12), ("sans-serif", 16).into_font())).map_err(told)?;
    for decade in decades.0..=decades.1 {
        let ratio = 10_f64.powi(decade);
        let line = [(at(ratio), TOP - 4), (at(ratio), height - 14)];
        let stroke = if decade == 0 { BLACK.stroke_width(1) } else { GRID.stroke_width(1) };
        area.draw(&PathElement::new(line, stroke)).map_err(told)?;
        let name = Text::new(format!("{ratio}x"), (at(ratio) - 8, TOP - 20), small.clone());
        area.draw(&name).map_err(told)?;
    }
    for (row, line) in lines.iter().enumerate() {
        let y = TOP + ROW * row as i32;
        let colour = if line.is_ahead() { AHEAD } else { BEHIND };
        let (from, to) = (at(1.0).min(at(line.ratio)), at(1.0).max(at(line.ratio)));
        // A bar that is even is still seen.
        let bar = Rectangle::new([(from, y + 3), (to.max(from + 1), y + 15)], colour.filled());
        area.draw(&bar).map_err(told)?;
        let name = format!("{} — {}", line.operation, line.peer.name);
        area.draw(&Text::new(name, (12, y + 3), small.clone())).map_err(told)?;
        let ratio = Text::new(format!("{:.2}x", line.ratio), (to + 6, y + 3), small.clone());
        area.draw(&ratio).map_err(told)?;
    }
    Ok(())
}

/// The powers of ten that all ratios, and 1, lie between.
fn decades(lines: &[Line<'_>]) -> (i32, i32) {
    let logs = || lines.iter().map(|line| line.ratio.log10()).filter(|log| log.is_finite());
    let least = logs().fold(0.0, f64::min).floor() as i32;
    let most = logs().fold(0.0, f64::max).ceil() as i32;
    (least, most.max(least + 1))
}

/// An error of the library, which is bound to what it draws on.
fn told(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

#[cfg(test)]
mod tests {
    use super::super::outcome::Side;
    use super::*;

    #[test]
    fn each_ratio_has_a_bar_within_the_plot() {
        let side = |name: &str| Side { name: name.to_owned(), rounds_ns: vec![1.0] };
        let (ours, peer) = (side("forebay"), side("sqlx"));
        let line = |ratio| Line { operation: "point read", ours: &ours, peer: &peer, ratio };
        let lines = [line(0.05), line(1.0), line(40.0)];
        assert_eq!(decades(&lines), (-2, 2));
        assert_eq!(decades(&[line(1.0)]), (0, 1));
        let text = svg(&lines).unwrap().unwrap();
        for part in ["0.05x", "1.00x", "40.00x", "point read — sqlx", "100x"] {
            assert!(text.contains(part), "expected {part:?} in:\n{text}");
        }
        assert_eq!(svg(&[]).unwrap(), None);
    }
}
