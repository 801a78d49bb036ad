//! What would be done with a query over PostgreSQL servers, in words. Nothing is run.

use super::super::ask::{Ask, Part};
use super::super::explain::RoutedExplanation;
use super::super::routed::Inner;
use super::bring::Arrays;
use super::handle::{Server, in_time};
use super::plan::Reading;
use super::run::brought;
use super::statement::Writer;
use super::way::Way;
use crate::backend::{Effect, postgres};
use crate::error::Result;

impl Server {
    pub(in crate::route) async fn explain(
        &self,
        inner: &Inner,
        ask: &Ask<'_>,
    ) -> Result<RoutedExplanation> {
        let layout = inner.layout().await?;
        if postgres::known(ask.sql).effect != Effect::Read {
            let why = "it writes; where it goes is seen when it runs";
            return Ok(inner.at_live(ask, &layout, why));
        }
        let limit = ask.words.timeout.unwrap_or(inner.member_timeout());
        let plan = in_time(limit, self.plan(inner, ask.sql)).await?;
        let split = match &plan.reading {
            Reading::Elsewhere => {
                return Ok(inner.at_live(ask, &layout, "it reads nothing that is split"));
            }
            Reading::Unknown(why) => {
                return Ok(RoutedExplanation {
                    way: "refused",
                    reason: why.clone(),
                    members: inner.steps(&layout, vec![Vec::new(); layout.parts.len()]),
                    merge: None,
                });
            }
            Reading::Split(split) => split,
        };
        let values = plan.values(&ask.params)?;
        let way = Way::of(&plan, split, &layout, &values, inner.is_not_null);
        let writer = Writer { plan: &plan, values: &values };
        let live = layout.parts.len() - 1;
        let asked = |part: usize| -> Vec<Part> {
            let range = &layout.parts[part];
            match &way {
                _ if !way.parts().contains(&part) => Vec::new(),
                Way::Pass { .. } => {
                    vec![Part { sql: ask.sql.to_owned(), params: ask.params.clone() }]
                }
                Way::Fenced { single, .. } => vec![writer.fenced(single, range, true, None)],
                Way::Concat { single, page, .. } => {
                    vec![writer.fenced(single, range, false, page.enough())]
                }
                Way::Merge { single, groups, .. } => vec![writer.parts(single, groups, range)],
                Way::Gather(_) if part == live => Vec::new(),
                Way::Gather(gather) => brought(&writer, gather, &layout, part),
                Way::Refuse(_) => Vec::new(),
            }
        };
        let texts = |part| asked(part).into_iter().map(|it| it.sql).collect();
        let mut texts: Vec<Vec<String>> = (0..layout.parts.len()).map(texts).collect();
        let merge = match &way {
            Way::Merge { groups, .. } => {
                Some(writer.merged(groups, &Arrays::none(groups.columns.len())).sql)
            }
            Way::Gather(gather) => {
                let tables = gather.gathering.tables.iter();
                let none: Vec<Arrays> = tables.map(|it| Arrays::none(it.used.len())).collect();
                let own = gather.parts.contains(&live).then(|| &layout.parts[live]);
                let merge = writer.gathered(ask.sql, gather.gathering, &none, own).sql;
                if own.is_some() {
                    // Its rows do not travel.
                    texts[live].push(merge.clone());
                }
                Some(merge)
            }
            _ => None,
        };
        let (name, reason) = in_words(&way);
        let members = inner.steps(&layout, texts);
        Ok(RoutedExplanation { way: name, reason, members, merge })
    }
}

/// The name of a way, and why it is taken.
fn in_words(way: &Way<'_>) -> (&'static str, String) {
    let (name, reason) = match way {
        Way::Pass { .. } => ("one member", "only its range can have rows that matter"),
        Way::Fenced { .. } => {
            ("one member, its range", "only one can have rows that matter, those of its range")
        }
        Way::Concat { page, .. } if page.enough().is_some() => {
            ("one after another", "members are asked in turn until there are enough rows")
        }
        Way::Concat { .. } => ("one after another", "the rows of each member stand together"),
        Way::Merge { .. } => {
            ("parts of groups", "what each member answers of a group can be put together")
        }
        Way::Gather(gather) => ("rows", gather.why.as_str()),
        Way::Refuse(why) => ("refused", why.as_str()),
    };
    (name, reason.to_owned())
}
