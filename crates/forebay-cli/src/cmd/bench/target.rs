//! What has to be reached, and whether it was.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::tally::Figures;
use crate::quantity::{Time, brief_time};

/// A figure with its limit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Target {
    /// At most so long.
    Time(Figure, Duration),
    /// At most this share, from 0 to 1.
    Errors(f64),
    /// At least so many answers each second.
    Rate(f64),
}

/// A figure that is a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Figure {
    Mean,
    Min,
    Max,
    /// Of this share of the answers none took longer.
    Quantile(f64),
}

const QUANTILES: [(&str, f64); 5] =
    [("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p99.9", 0.999)];

impl Target {
    /// What all of them are, those included that go without saying.
    pub(super) fn all(given: &[Target]) -> Vec<Target> {
        let mut all = given.to_vec();
        if !all.is_empty() && !all.iter().any(|target| matches!(target, Target::Errors(_))) {
            all.push(Target::Errors(0.0));
        }
        all
    }

    /// Whether it is a matter of each endpoint, and not of all together.
    pub(super) fn is_of_each(&self) -> bool {
        !matches!(self, Target::Rate(_))
    }

    /// What was reached, in words, and whether that is enough. Where nothing was answered no time
    /// is.
    pub(super) fn judge(&self, figures: &Figures, spent: Duration) -> (String, bool) {
        match *self {
            Target::Time(figure, limit) => match figures.time(figure) {
                Some(time) => (brief_time(time), time <= limit),
                None => ("no answer".to_owned(), false),
            },
            Target::Errors(limit) => {
                let share = figures.error_share();
                (format!("{:.3} %", share * 100.0), share <= limit)
            }
            Target::Rate(limit) => {
                let rate = figures.rate(spent);
                (format!("{rate:.1}/s"), rate >= limit)
            }
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Target, String> {
        let (name, limit) = text.split_once('=').ok_or("expected FIGURE=LIMIT, as in p95=200ms")?;
        let (name, limit) = (name.trim(), limit.trim());
        let time = |figure| limit.parse().map(|Time(it)| Target::Time(figure, it));
        match name {
            "mean" => Ok(time(Figure::Mean)?),
            "min" => Ok(time(Figure::Min)?),
            "max" => Ok(time(Figure::Max)?),
            "errors" => share(limit).map(Target::Errors),
            "rate" => {
                let rate = limit.strip_suffix("/s").unwrap_or(limit).parse().ok();
                let rate = rate.filter(|it: &f64| it.is_finite() && *it >= 0.0);
                rate.map(Target::Rate).ok_or("expected requests per second, as in rate=500".into())
            }
            _ => match QUANTILES.iter().find(|(known, _)| *known == name) {
                Some(&(_, quantile)) => Ok(time(Figure::Quantile(quantile))?),
                None => Err(format!(
                    "{name:?} is none of mean, min, max, p50, p90, p95, p99, p99.9, errors, rate"
                )),
            },
        }
    }
}

/// A share given in percent.
fn share(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').and_then(|it| it.trim().parse::<f64>().ok());
    let percent = percent.filter(|it| (0.0..=100.0).contains(it));
    percent.map(|it| it / 100.0).ok_or("expected 0% to 100%, as in errors=0.1%".to_owned())
}

/// As it is typed.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Time(figure, limit) => write!(f, "{figure}={}", Time(*limit)),
            Target::Errors(limit) => write!(f, "errors={}%", limit * 100.0),
            Target::Rate(limit) => write!(f, "rate={limit}"),
        }
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Figure::Mean => "mean",
            Figure::Min => "min",
            Figure::Max => "max",
            Figure::Quantile(wanted) => {
                let known = QUANTILES.iter().find(|(_, quantile)| quantile == wanted);
                known.map_or("quantile", |(name, _)| name)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read_and_shown() {
        let check =
            |text: &str, expect: Result<Target, &str>| match (text.parse::<Target>(), expect) {
                (Ok(read), Ok(expect)) => {
                    assert_eq!(read, expect, "{text}");
                    assert_eq!(read.to_string().parse::<Target>().unwrap(), read, "{text}");
                }
                (Err(error), Err(part)) => assert!(error.contains(part), "{text}: {error}"),
                (read, expect) => panic!("{text}: {read:?}, not {expect:?}"),
            };
        let ms = Duration::from_millis;
        check("p95=200ms", Ok(Target::Time(Figure::Quantile(0.95), ms(200))));
        check(" p99.9 = 1s", Ok(Target::Time(Figure::Quantile(0.999), ms(1_000))));
        check("mean=5ms", Ok(Target::Time(Figure::Mean, ms(5))));
        check("max=2s", Ok(Target::Time(Figure::Max, ms(2_000))));
        check("errors=0%", Ok(Target::Errors(0.0)));
        check("errors=12.5%", Ok(Target::Errors(0.125)));
        check("rate=500", Ok(Target::Rate(500.0)));
        check("rate=0.5/s", Ok(Target::Rate(0.5)));
        check("p95", Err("FIGURE=LIMIT"));
        check("p97=1s", Err("none of mean"));
        check("p95=200", Err("expected a number with ms"));
        check("errors=0.1", Err("expected 0% to 100%"));
        check("errors=101%", Err("expected 0% to 100%"));
        check("rate=-1", Err("requests per second"));
        check("rate=NaN", Err("requests per second"));
        check("rate=inf", Err("requests per second"));
    }

    #[test]
    fn errors_are_always_judged_where_anything_is() {
        let check = |given: &[&str], expect: &[&str]| {
            let given: Vec<Target> = given.iter().map(|it| it.parse().unwrap()).collect();
            let all: Vec<String> = Target::all(&given).iter().map(Target::to_string).collect();
            assert_eq!(all, expect);
        };
        check(&[], &[]);
        check(&["p95=1s"], &["p95=1s", "errors=0%"]);
        check(&["errors=1%", "rate=5"], &["errors=1%", "rate=5"]);
    }
}
