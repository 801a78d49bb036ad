//! One plot of a group, as SVG: sizes and costs on logarithmic axes, what stands beside in dashes.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::growth::{Point, slope};
use super::series::{Group, Series};
use crate::quantity::{brief_time, grouped};

const WIDTH: u32 = 960;
const HEIGHT: u32 = 480;
/// Of it, for the names of the series.
const NAMES: u32 = 320;

/// Colours that the colour-blind tell apart, after Okabe and Ito.
const COLOURS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(86, 180, 233),
    RGBColor(150, 110, 0),
    RGBColor(60, 60, 60),
];

/// A line of the plot.
struct Line<'a> {
    name: String,
    points: Vec<(f64, f64)>,
    colour: &'a RGBColor,
    is_beside: bool,
}

/// `None` where no series has two sizes.
pub(super) fn svg(group: &Group) -> Result<Option<String>> {
    let lines = lines(&group.series);
    if lines.is_empty() {
        return Ok(None);
    }
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, (WIDTH, HEIGHT)).into_drawing_area();
        draw(&area, group, &lines).with_context(|| format!("cannot draw {}", group.name))?;
    }
    Ok(Some(text))
}

fn lines(series: &[Series]) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (series, colour) in series.iter().zip(COLOURS.iter().cycle()) {
        lines.extend(line(series.what, &series.points, colour, false));
        if let Some(beside) = &series.beside {
            lines.extend(line(beside.what, &beside.points, colour, true));
        }
    }
    lines
}

fn line<'a>(
    name: &str,
    points: &[Point],
    colour: &'a RGBColor,
    is_beside: bool,
) -> Option<Line<'a>> {
    let slope = slope(points)?;
    let drawn = points.iter().filter(|point| point.size > 0 && point.cost > 0.0);
    let points = drawn.map(|point| (point.size as f64, point.cost)).collect();
    Some(Line { name: format!("{name} ({slope:+.2})"), points, colour, is_beside })
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(area: &Area<'_>, group: &Group, lines: &[Line<'_>]) -> Result<()> {
    area.fill(&WHITE).map_err(told)?;
    let (chart, names) = area.split_horizontally(WIDTH - NAMES);
    let points = || lines.iter().flat_map(|line| &line.points);
    let (sizes, costs) = (range(points().map(|at| at.0), 1.1), range(points().map(|at| at.1), 1.6));
    let mut chart = ChartBuilder::on(&chart)
        .caption(group.title, ("sans-serif", 20).into_font())
        .margin(12)
        .x_label_area_size(46)
        .y_label_area_size(76)
        .build_cartesian_2d((sizes.0..sizes.1).log_scale(), (costs.0..costs.1).log_scale())
        .map_err(told)?;
    chart
        .configure_mesh()
        .x_desc(group.sizes)
        .y_desc("time")
        .x_label_formatter(&|size| grouped(*size as u64))
        .y_label_formatter(&|nanos| brief_time(Duration::from_nanos(*nanos as u64)))
        .light_line_style(RGBColor(240, 240, 240))
        .bold_line_style(RGBColor(220, 220, 220))
        .label_style(("sans-serif", 13))
        .axis_desc_style(("sans-serif", 14))
        .draw()
        .map_err(told)?;
    for line in lines {
        let points = line.points.iter().copied();
        if line.is_beside {
            let dashed = DashedLineSeries::new(points.clone(), 5, 4, line.colour.stroke_width(1));
            chart.draw_series(dashed).map_err(told)?;
        } else {
            let solid = LineSeries::new(points.clone(), line.colour.stroke_width(2));
            chart.draw_series(solid).map_err(told)?;
        }
        let mark = |at| Circle::new(at, if line.is_beside { 2 } else { 3 }, line.colour.filled());
        chart.draw_series(points.map(mark)).map_err(told)?;
    }
    named(&names, lines)
}

/// The names of all lines, with their slopes.
fn named(area: &Area<'_>, lines: &[Line<'_>]) -> Result<()> {
    let style = ("sans-serif", 13).into_font();
    let head = Text::new("slope on logarithmic axes in brackets", (8, 40), style.clone());
    area.draw(&head).map_err(told)?;
    for (at, line) in lines.iter().enumerate() {
        let y = 70 + 24 * at as i32;
        let width = if line.is_beside { 1 } else { 2 };
        // What is beside is drawn in dashes, here too.
        let dashes = if line.is_beside { vec![(8, 13), (17, 22), (26, 31)] } else { vec![(8, 31)] };
        for (from, to) in dashes {
            let stroke = PathElement::new([(from, y), (to, y)], line.colour.stroke_width(width));
            area.draw(&stroke).map_err(told)?;
        }
        let name = Text::new(line.name.clone(), (38, y - 7), style.clone());
        area.draw(&name).map_err(told)?;
    }
    Ok(())
}

/// An error of the library, which is bound to what it draws on.
fn told(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("{error}")
}

/// From the least to the most, and this many times as far on both sides.
fn range(values: impl Iterator<Item = f64>, beyond: f64) -> (f64, f64) {
    let fold = |(least, most): (f64, f64), value: f64| (least.min(value), most.max(value));
    let (least, most) = values.fold((f64::INFINITY, 0.0), fold);
    (least / beyond, most * beyond)
}

#[cfg(test)]
mod tests {
    use super::super::growth::Growth;
    use super::*;

    #[test]
    fn a_plot_has_a_line_and_a_name_for_each_series() {
        let mut series = Series::new("hit", Growth::Constant).beside("a map");
        for (size, cost) in [(0, 900.0), (1_000, 500.0), (1_000_000, 1_000.0)] {
            series.add(size, cost);
            series.add_beside(size, cost / 10.0);
        }
        let mut short = Series::new("one size", Growth::Constant);
        short.add(1_000, 7.0);
        let mut group = Group {
            name: "entries",
            title: "Answers in memory",
            sizes: "entries",
            terms: String::new(),
            series: vec![series, short],
            notes: Vec::new(),
            cuts: Vec::new(),
        };
        let text = svg(&group).unwrap().unwrap();
        for part in ["<svg", "hit (+0.10)", "a map (+0.10)", "Answers in memory", "1,000,000"] {
            assert!(text.contains(part), "expected {part:?} in:\n{text}");
        }
        assert!(!text.contains("one size"), "one size is no line");
        assert_eq!(text.matches("<circle").count(), 4, "a size of 0 is not on a logarithmic axis");
        group.series.remove(0);
        assert_eq!(svg(&group).unwrap(), None);
    }
}
