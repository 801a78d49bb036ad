//! What a CREATE INDEX CONCURRENTLY has left behind when it failed: an index of the same name that
//! no read uses, and because of which one with IF NOT EXISTS would do nothing.

use crate::engine::Custody;
use crate::error::Result;
#[cfg(feature = "postgres")]
use crate::index::{CreateIndex, is_concurrent};
use crate::sql::Dialect;
#[cfg(feature = "postgres")]
use crate::value::Value;

/// Drops what an earlier try of this statement has left behind.
#[cfg_attr(not(feature = "postgres"), expect(unused_variables))]
pub(super) async fn clear(custody: &Custody, statement: &str) -> Result<()> {
    match custody.dialect() {
        Dialect::Sqlite => Ok(()),
        #[cfg(feature = "postgres")]
        dialect => {
            let Ok(index) = CreateIndex::parse(statement, dialect) else { return Ok(()) };
            if !is_concurrent(statement, dialect) {
                return Ok(());
            }
            let text = |name: &str| format!("'{}'", name.replace('\'', "''"));
            let sql = format!(
                "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_index i
                 JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
                 JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                 WHERE NOT i.indisvalid AND c.relname = {}
                     AND i.indrelid = pg_catalog.to_regclass({})
                     AND NOT EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p
                         WHERE p.index_relid = c.oid)",
                text(&index.name),
                text(&index.table_sql)
            );
            let rows = custody.rows(&sql).await?;
            for row in 0..rows.len() {
                if let Some(Value::Text(name)) = rows.values(row).first() {
                    let drop = format!("DROP INDEX CONCURRENTLY {name}");
                    custody.script(&drop, false).await?;
                }
            }
            Ok(())
        }
    }
}
