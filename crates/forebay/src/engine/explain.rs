//! What is known about a statement, for `explain` and `describe`. Nothing is run.

use std::sync::Arc;

use super::call::Call;
use super::database::Engine;
use super::session::SessionState;
use super::worker::blocking;
use crate::backend::sqlite::{Analysis, Described, Effect};
use crate::error::Result;
use crate::outcome::{Describe, Explanation};
use crate::sql::{Bypass, Fingerprint};

impl Engine {
    pub(crate) async fn explain(&self, call: Call<'_>) -> Result<Explanation> {
        self.check_moved()?;
        self.check_nested()?;
        let mut reader = self.readers.acquire(call.holder(None)).await?;
        let sql: Arc<str> = call.sql.into();
        let (described, plan) = blocking(move || {
            let described = reader.describe(&sql)?;
            let plan = match described.analysis.effect {
                Effect::Read | Effect::Write if !described.analysis.is_explain => {
                    reader.plan(&sql).unwrap_or_default()
                }
                _ => Vec::new(),
            };
            Ok((described, plan))
        })
        .await?;
        let analysis = described.analysis;
        let fingerprint = Fingerprint::new(call.sql);
        let tables =
            |names: &[Box<str>]| names.iter().map(|name| name.to_string()).collect::<Vec<_>>();
        let mut key = vec!["the text of the statement".to_owned()];
        key.extend(described.params.iter().enumerate().map(|(index, name)| {
            let name = name.as_deref().unwrap_or("?");
            format!("parameter {} ({name}), value and type", index + 1)
        }));
        Ok(Explanation {
            statement: fingerprint.text().to_string(),
            fingerprint: fingerprint.id(),
            effect: analysis.effect.name(),
            cacheable: analysis.is_cacheable(),
            reasons: reasons(&analysis),
            reads: tables(&analysis.read_tables),
            rests_on: if analysis.is_cacheable() { analysis.rests_on.clone() } else { Vec::new() },
            writes: tables(&analysis.write_tables),
            key: if analysis.is_cacheable() { key } else { Vec::new() },
            freshness: self.cache_off().map_or_else(
                || self.catchup.describe(),
                |why| format!("nothing is cached through this handle: {why}"),
            ),
            plan,
        })
    }

    pub(crate) async fn describe(&self, call: Call<'_>) -> Result<Describe> {
        self.check_moved()?;
        self.check_nested()?;
        let mut reader = self.readers.acquire(call.holder(None)).await?;
        let sql: Arc<str> = call.sql.into();
        blocking(move || reader.describe(&sql)).await.map(describe)
    }

    /// The same as a session sees it: with what its open transaction has created.
    pub(crate) async fn describe_in_session(
        &self,
        session: &SessionState,
        call: Call<'_>,
    ) -> Result<Describe> {
        let _turn = session.turn().await;
        let Some(pinned) = session.pinned() else { return self.describe(call).await };
        let sql = call.sql.to_owned();
        pinned.run(move |connection| connection.describe(&sql)).await.map(describe)
    }
}

fn describe(described: Described) -> Describe {
    Describe {
        params: described.params,
        columns: described.analysis.columns.to_vec(),
        is_explain: described.analysis.is_explain,
        is_readonly: described.analysis.is_readonly,
    }
}

fn reasons(analysis: &Analysis) -> Vec<String> {
    let reason = |rule: &Bypass| match rule {
        Bypass::Function => format!("{}: {}", rule.reason(), analysis.functions.join(", ")),
        rule => rule.reason().to_owned(),
    };
    analysis.bypasses.iter().map(reason).collect()
}
