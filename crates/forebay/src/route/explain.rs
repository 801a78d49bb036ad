//! What would be done with a query of a logical table, in words. Nothing is run.

use std::fmt;

use super::ask::Ask;
use super::member::{Layout, Part};
use super::merge::{Writer, merged};
use super::plan::Reading;
use super::routed::Inner;
use super::way::{Page, Way};
use crate::error::Result;
use crate::sql::quoted;
use crate::value::Value;

/// Which members a query asks, what, and how their answers become one.
#[derive(Clone, Debug)]
pub struct RoutedExplanation {
    /// `one member`, `one member, its range`, `one after another`, `parts of groups`, `rows`, or
    /// `refused`.
    pub way: &'static str,
    /// Why it is done so.
    pub reason: String,
    /// Every member in the order of the ranges.
    pub members: Vec<RoutedStep>,
    /// The statement that makes one answer of theirs, if there is one: in an SQLite database in
    /// memory, or at the live PostgreSQL server.
    pub merge: Option<String>,
}

/// A member, and whether and what it is asked.
#[derive(Clone, Debug)]
pub struct RoutedStep {
    /// Its name.
    pub member: String,
    /// Its range, without the values of its bounds.
    pub range: String,
    /// What it is asked; nothing if no row of its range can matter.
    pub asked: Vec<String>,
}

impl Inner {
    pub(super) async fn explain(&self, ask: &Ask<'_>) -> Result<RoutedExplanation> {
        #[cfg(feature = "postgres")]
        if let Some(server) = &self.server {
            return Box::pin(server.explain(self, ask)).await;
        }
        let plan = self.plan(ask).await?;
        let layout = self.layout().await?;
        let reading = match &plan.reading {
            Reading::Split(reading) if Inner::is_read(&plan) => reading,
            Reading::Split(_) => {
                return Ok(self.at_live(
                    ask,
                    &layout,
                    "it writes; where it goes is seen when it runs",
                ));
            }
            Reading::Elsewhere => {
                return Ok(self.at_live(ask, &layout, "it reads nothing that is split"));
            }
        };
        let values = plan.values(&ask.params)?;
        let way = Way::of(reading, &layout, &values, self.is_not_null);
        let (name, reason) = in_words(&way);
        let asked = match &way {
            Way::Gather(gather) => {
                super::run::sources_of(self, ask, &layout, &values, &plan, reading, gather)
            }
            _ => self.asked(ask, &layout, &values, &way),
        };
        Ok(RoutedExplanation {
            way: name,
            reason,
            members: self.steps(&layout, asked),
            merge: match &way {
                Way::Merge { single, groups, .. } => Some(merged(single, groups)),
                Way::Gather(_) => Some(ask.sql.to_owned()),
                _ => None,
            },
        })
    }

    pub(super) fn at_live(
        &self,
        ask: &Ask<'_>,
        layout: &Layout,
        reason: &str,
    ) -> RoutedExplanation {
        let mut asked = vec![Vec::new(); layout.parts.len() - 1];
        asked.push(vec![ask.sql.to_owned()]);
        RoutedExplanation {
            way: "one member",
            reason: reason.to_owned(),
            members: self.steps(layout, asked),
            merge: None,
        }
    }

    /// What each part is asked, unless rows are brought together.
    fn asked(
        &self,
        ask: &Ask<'_>,
        layout: &Layout,
        values: &[Value],
        way: &Way<'_>,
    ) -> Vec<Vec<String>> {
        let writer = Writer::new(values);
        let column = quoted(&self.names.column);
        let of = |part: &Part| match way {
            Way::Pass { .. } => ask.sql.to_owned(),
            Way::Fenced { single, .. } => writer.fenced(single, &column, part, None).sql,
            Way::Concat(concat) => {
                let most = concat.single.limited.as_ref().map(|_| Page::NO_LIMIT);
                let rows = concat.page.enough().or(most);
                writer.fenced(concat.single, &column, part, rows).sql
            }
            Way::Merge { single, groups, .. } => writer.groups(single, groups, &column, part).sql,
            Way::Gather(_) | Way::Refuse(_) => String::new(),
        };
        let asked = way.parts();
        let parts = layout.parts.iter().enumerate();
        parts.map(|(at, part)| if asked.contains(&at) { vec![of(part)] } else { vec![] }).collect()
    }

    pub(super) fn steps(&self, layout: &Layout, asked: Vec<Vec<String>>) -> Vec<RoutedStep> {
        let step = |(part, asked): (&Part, Vec<String>)| RoutedStep {
            member: self.members[part.member].name.to_string(),
            range: range(part),
            asked,
        };
        layout.parts.iter().zip(asked).map(step).collect()
    }
}

/// The name of a way, and why it is taken.
fn in_words(way: &Way<'_>) -> (&'static str, String) {
    let (name, reason) = match way {
        Way::Pass { .. } => ("one member", "only its range can have rows that matter"),
        Way::Fenced { .. } => {
            ("one member, its range", "only one can have rows that matter, those of its range")
        }
        Way::Concat(concat) if concat.page.enough().is_some() => {
            ("one after another", "members are asked in turn until there are enough rows")
        }
        Way::Concat(_) => ("one after another", "the rows of each member stand together"),
        Way::Merge { .. } => {
            ("parts of groups", "what each member answers of a group can be put together")
        }
        Way::Gather(gather) => ("rows", gather.why.as_str()),
        Way::Refuse(why) => ("refused", why.as_str()),
    };
    (name, reason.to_owned())
}

/// A range without its values, which may be private.
fn range(part: &Part) -> String {
    let range = match (&part.low, &part.high) {
        (None, None) => "every value",
        (Some(_), None) => "from a value on",
        (None, Some(_)) => "below a value",
        (Some(_), Some(_)) => "from a value on, below another",
    };
    let null = if part.has_null { ", and NULL" } else { "" };
    format!("{range}{null}")
}

impl fmt::Display for RoutedExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "way          {}", self.way)?;
        writeln!(f, "because      {}", self.reason)?;
        for step in &self.members {
            let asked = if step.asked.is_empty() { "not asked" } else { "asked" };
            writeln!(f, "{:<12} {}: {asked}", step.member, step.range)?;
            for sql in &step.asked {
                writeln!(f, "             {}", sql.replace('\n', " "))?;
            }
        }
        match &self.merge {
            Some(merge) => writeln!(f, "merged by    {merge}"),
            None => Ok(()),
        }
    }
}
