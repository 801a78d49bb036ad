//! What the handlers share: the live database, the archive, both as one table, and the reports that
//! are kept. Opening it brings both schemas up to date.

use std::path::Path;
use std::time::Duration;

use forebay::{Builder, Cache, Db, Result, Routed, open_routed};
use serde::Serialize;

/// How old a report may be that is given without asking the databases.
const REPORT_FRESH: Duration = Duration::from_secs(240);

/// For so much longer the old one is given while the next one is made.
const REPORT_STALE: Duration = Duration::from_secs(60);

const STATEMENT_MAX: Duration = Duration::from_secs(10);

#[derive(Clone)]
pub(crate) struct Plant {
    pub(crate) live: Db,
    pub(crate) archive: Db,
    /// Every row of both, each once, also while rows are moved.
    pub(crate) records: Routed,
    pub(crate) reports: Cache,
    pub(crate) live_url: String,
    pub(crate) archive_url: String,
    /// Who shows it may change things; with none nobody may.
    pub(crate) admin_token: Option<String>,
}

#[derive(Serialize)]
struct Made {
    day: String,
    lot: String,
    item: &'static str,
    produced: i64,
    rejected: i64,
}

impl Plant {
    pub(crate) async fn open(folder: &Path, admin_token: Option<String>) -> Result<Plant> {
        let url = |name: &str| format!("sqlite:{}", folder.join(name).display());
        let (live_url, archive_url) = (url("live.db"), url("archive.db"));
        let open =
            async |url: &str| Builder::new(url).statement_timeout(Some(STATEMENT_MAX)).open().await;
        let (live, archive) = (open(&live_url).await?, open(&archive_url).await?);
        for db in [&live, &archive] {
            db.migrate(forebay::migrations!("production/migrations")).await?;
        }
        let records =
            open_routed("records", "day").moving(&live, "archive", &archive).open().await?;
        let reports = Cache::builder("reports")
            .ttl(REPORT_FRESH)
            .stale_while_revalidate(REPORT_STALE)
            // Otherwise a report would go with every record that is written: exact, and made anew
            // all the time. Nobody needs a monthly total of this second.
            .ttl_only()
            .max_bytes(16 << 20)
            .build()?;
        let plant = Plant { live, archive, records, reports, live_url, archive_url, admin_token };
        plant.fill().await?;
        Ok(plant)
    }

    /// Two years of records in a database that is empty, so that there is something to look at.
    async fn fill(&self) -> Result<()> {
        let rows: i64 = self.records.query("SELECT count(*) FROM records").scalar().await?;
        if rows > 0 {
            return Ok(());
        }
        let items = ["gate", "pump", "valve", "weir"];
        let made = (0..24 * 28 * items.len()).map(move |n| {
            let (item, n) = (items[n % items.len()], n / items.len());
            let (year, month, day) = (2024 + n / 336, n / 28 % 12 + 1, n % 28 + 1);
            let produced = 40 + (n * 7 % 23) as i64;
            Made {
                day: format!("{year}-{month:02}-{day:02}"),
                lot: format!("{}{}-{month:02}{day:02}", &item[..1].to_uppercase(), year % 100),
                item,
                produced,
                rejected: produced * (n as i64 % 5) / 100,
            }
        });
        self.live.bulk("records").insert(made).await.map(|_| ())
    }
}
