//! Whether a server and a database are as the stream needs them. From rows of the catalogue to
//! findings in words; it asks nothing itself.

use std::collections::BTreeSet;

use super::plan::Plan;

/// One row of what a server and the connection's role can do. The schema that is not ours is
/// known by its comment. Amazon RDS gives the right to replicate by membership in a role of its
/// own. A slot of Forebay counts as free: that is what it has to be free for.
pub(super) const FACTS: &str = "\
SELECT pg_catalog.current_setting('server_version_num'), pg_catalog.current_setting('wal_level'),
  pg_catalog.pg_is_in_recovery(), r.rolsuper,
  r.rolreplication OR EXISTS (SELECT FROM pg_catalog.pg_roles g
    WHERE g.rolname = 'rds_replication' AND pg_catalog.pg_has_role(r.oid, g.oid, 'member')),
  pg_catalog.current_setting('max_replication_slots')::int
    - (SELECT count(*) FROM pg_catalog.pg_replication_slots
      WHERE NOT (temporary AND slot_name ~ '^forebay_')),
  pg_catalog.current_setting('max_wal_senders')::int
    - (SELECT count(*) FROM pg_catalog.pg_stat_replication w
      WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_replication_slots
        WHERE active_pid = w.pid AND temporary AND slot_name ~ '^forebay_')),
  pg_catalog.current_setting('synchronous_standby_names'),
  pg_catalog.current_setting('max_slot_wal_keep_size'),
  EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'forebay' AND coalesce(
    pg_catalog.obj_description(oid, 'pg_namespace'), '') NOT LIKE 'Made by `forebay setup`%'),
  (SELECT count(*) FROM pg_catalog.pg_event_trigger t
    JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid
    JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = 'forebay' AND p.proname = 'tell_ddl' AND t.evtenabled = 'A'),
  (SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate AND NOT puballtables
    AND NOT pubviaroot FROM pg_catalog.pg_publication WHERE pubname = 'forebay'),
  pg_catalog.current_setting('max_replication_slots'),
  pg_catalog.current_setting('max_wal_senders'),
  EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'forebay' AND
    pg_catalog.obj_description(oid, 'pg_namespace') LIKE 'Made by `forebay setup`%'),
  (SELECT o.rolname FROM pg_catalog.pg_namespace n
    JOIN pg_catalog.pg_roles o ON o.oid = n.nspowner
    WHERE n.nspname = 'forebay' AND NOT o.rolsuper AND o.oid <> r.oid),
  coalesce(pg_catalog.current_setting('event_triggers', true), 'on') <> 'on'
    OR EXISTS (SELECT FROM pg_catalog.pg_db_role_setting d, pg_catalog.unnest(d.setconfig) s
      WHERE s ~* '^event_triggers=(of|f|n|0)'),
  (SELECT pg_catalog.min(o.rolname::text) FROM pg_catalog.pg_event_trigger t
    JOIN pg_catalog.pg_roles o ON o.oid = t.evtowner
    WHERE t.evtname IN ('forebay_ddl_start', 'forebay_ddl_end', 'forebay_ddl_drop')
      AND NOT o.rolsuper)
FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";

/// Cells of a row of [`FACTS`].
pub(super) const FACTS_CELLS: usize = 18;

/// A row per table that is named in the publication: its number, and whether it has a filter of
/// rows or a list of columns. Read through JSON, since version 14 has neither.
pub(super) const PUBLISHED: &str = "\
SELECT r.prrelid, coalesce(pg_catalog.to_jsonb(r) ->> 'prqual',
  pg_catalog.to_jsonb(r) ->> 'prattrs') IS NOT NULL
FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
WHERE p.pubname = 'forebay'";

/// The first version with what is needed.
const VERSION_MIN: u32 = 140_000;

/// What a server and a role can do, and what is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) version: u32,
    pub(crate) wal_level: Box<str>,
    pub(crate) is_standby: bool,
    pub(crate) is_superuser: bool,
    pub(crate) may_replicate: bool,
    pub(crate) slots_free: i64,
    pub(crate) slots_max: u32,
    pub(crate) senders_free: i64,
    pub(crate) senders_max: u32,
    pub(crate) synchronous_standbys: Box<str>,
    pub(crate) slot_wal_keep: Box<str>,
    /// A schema of our name that setup did not make.
    pub(crate) is_schema_taken: bool,
    /// The schema that setup makes.
    pub(crate) is_made: bool,
    /// To whom it belongs, if that is neither the role nor a superuser.
    pub(crate) made_by_other: Option<Box<str>>,
    /// Event triggers that are there and always on.
    pub(crate) triggers: usize,
    /// Event triggers are switched off, for everybody or for some. From version 17 on.
    pub(crate) is_switched_off: bool,
    /// To whom they belong, if that is no superuser.
    pub(crate) triggers_of: Option<Box<str>>,
    /// Whether the publication publishes what it should; `None` without one.
    pub(crate) publishes_all: Option<bool>,
    /// The tables named in it, and whether with a filter or a list.
    pub(crate) published: Vec<(u32, bool)>,
}

/// One thing that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// Nothing may be kept in the cache while it is so.
    Fault(String),
    /// It works, but somebody should know.
    Notice(String),
}

impl Facts {
    /// Reads the row of [`FACTS`] and those of [`PUBLISHED`]; `None` when they are not such rows.
    pub(crate) fn read<'a, R>(
        facts: &[Option<&str>],
        published: impl IntoIterator<Item = R>,
    ) -> Option<Facts>
    where
        R: AsRef<[Option<&'a str>]>,
    {
        let cells: &[Option<&str>; FACTS_CELLS] = facts.try_into().ok()?;
        let is = |cell: usize| cells[cell].map(|text| text == "t");
        let published = published.into_iter().map(|row| match row.as_ref() {
            [Some(oid), Some(is_limited)] => Some((oid.parse().ok()?, *is_limited == "t")),
            _ => None,
        });
        Some(Facts {
            version: cells[0]?.parse().ok()?,
            wal_level: cells[1]?.into(),
            is_standby: is(2)?,
            is_superuser: is(3)?,
            may_replicate: is(4)?,
            slots_free: cells[5]?.parse().ok()?,
            slots_max: cells[12]?.parse().ok()?,
            senders_free: cells[6]?.parse().ok()?,
            senders_max: cells[13]?.parse().ok()?,
            synchronous_standbys: cells[7]?.into(),
            slot_wal_keep: cells[8]?.into(),
            is_schema_taken: is(9)?,
            is_made: is(14)?,
            made_by_other: cells[15].map(Box::from),
            triggers: cells[10]?.parse().ok()?,
            is_switched_off: is(16)?,
            triggers_of: cells[17].map(Box::from),
            publishes_all: is(11),
            published: published.collect::<Option<_>>()?,
        })
    }
}

/// What stands in the way of setup, to be asked before it.
pub(crate) fn obstacles(facts: &Facts) -> Vec<Finding> {
    let mut findings = faults(facts);
    findings.extend(notices(facts));
    findings
}

fn faults(facts: &Facts) -> Vec<Finding> {
    let fault = |text: &str| Finding::Fault(text.to_owned());
    let mut findings = Vec::new();
    if facts.version < VERSION_MIN {
        findings.push(fault("the server is older than PostgreSQL 14"));
    }
    if facts.is_standby {
        findings.push(fault("the server is a standby: connect to the primary"));
    }
    if &*facts.wal_level != "logical" {
        findings.push(Finding::Fault(format!(
            "wal_level is {}: ALTER SYSTEM SET wal_level = 'logical', and restart the server",
            facts.wal_level
        )));
    }
    if facts.is_schema_taken {
        findings.push(fault("there is a schema forebay that setup did not make: rename it"));
    } else if !facts.is_made && facts.publishes_all.is_some() {
        findings.push(fault(
            "there is a publication forebay that setup did not make: rename it, or DROP \
             PUBLICATION forebay",
        ));
    }
    if !facts.may_replicate && !facts.is_superuser {
        findings
            .push(fault("the role may not replicate: ALTER ROLE … REPLICATION, as a superuser"));
    }
    if facts.is_switched_off {
        findings.push(fault(
            "event_triggers is off, for all or in the settings of a role or database, so that \
             changes of the schema are not told: switch it on",
        ));
    }
    if facts.slots_free < 1 {
        findings.push(Finding::Fault(format!(
            "no replication slot is free, of {0}: ALTER SYSTEM SET max_replication_slots = {1}, \
             and restart the server",
            facts.slots_max,
            facts.slots_max.saturating_add(1)
        )));
    }
    if facts.senders_free < 1 {
        findings.push(Finding::Fault(format!(
            "no WAL sender is free, of {0}: ALTER SYSTEM SET max_wal_senders = {1}, and restart \
             the server",
            facts.senders_max,
            facts.senders_max.saturating_add(1)
        )));
    }
    findings
}

fn notices(facts: &Facts) -> Vec<Finding> {
    let notice = |text: &str| Finding::Notice(text.to_owned());
    let mut findings = Vec::new();
    if !facts.is_superuser {
        findings.push(notice(
            "the role is no superuser: the server may refuse event triggers; run setup as one, or \
             as the role that your provider has for it",
        ));
    }
    if let Some(owner) = &facts.triggers_of {
        findings.push(Finding::Notice(format!(
            "the event triggers belong to {owner}, who is no superuser: a provider that allows \
             that may not fire them for its own roles, and what these change in the schema is not \
             told"
        )));
    }
    if facts.synchronous_standbys.contains('*') {
        findings.push(notice(
            "synchronous_standby_names has a `*`: commits would wait for Forebay as for a standby; \
             name the standbys instead",
        ));
    }
    if &*facts.slot_wal_keep == "-1" {
        findings.push(notice(
            "max_slot_wal_keep_size is not limited: while Forebay is connected but stalled, the \
             server keeps its log",
        ));
    }
    findings
}

/// Why what is there may not be gone on with by this role, nor undone: what is in a schema of
/// another role would run with the rights of this one.
pub(crate) fn of_other(facts: &Facts) -> Option<Finding> {
    let owner = facts.made_by_other.as_ref().filter(|_| facts.is_made)?;
    Some(Finding::Fault(format!(
        "the schema forebay belongs to the role {owner}: run setup as that role, or have it \
         removed by that role with --undo first"
    )))
}

/// What is there of setup, to be asked when all of it should be gone.
pub(crate) fn remains(facts: &Facts) -> Vec<Finding> {
    let mut findings = Vec::new();
    if facts.is_made {
        let text = "the schema forebay is still there: run undo again";
        findings.push(Finding::Fault(text.to_owned()));
    }
    if facts.is_schema_taken {
        let text = "the schema forebay is none that setup made: it is left alone, and so is a \
                    publication of that name";
        findings.push(Finding::Notice(text.to_owned()));
    } else if facts.publishes_all.is_some() {
        let text = "there is a publication forebay, and not the schema that setup makes with it: \
                    it is left alone; DROP PUBLICATION forebay removes it";
        findings.push(Finding::Notice(text.to_owned()));
    }
    findings
}

/// Everything that is not as planned, obstacles included.
pub(crate) fn verify(facts: &Facts, plan: &Plan) -> Vec<Finding> {
    let mut findings = obstacles(facts);
    let mut fault = |text: String| findings.push(Finding::Fault(text));
    if facts.triggers != super::trigger::TRIGGERS.len() {
        fault("the event triggers are not all there, or not ENABLE ALWAYS: run setup".to_owned());
    }
    match facts.publishes_all {
        Some(true) => {}
        Some(false) => fault("the publication leaves something out: run setup".to_owned()),
        None => fault("there is no publication forebay: run setup".to_owned()),
    }
    if facts.published.iter().any(|(_, is_limited)| *is_limited) {
        fault("the publication has a filter of rows or a list of columns: run setup".to_owned());
    }
    let published: BTreeSet<u32> = facts.published.iter().map(|(oid, _)| *oid).collect();
    for table in plan.published().filter(|table| !published.contains(&table.oid)) {
        let text = format!("{}.{} is not published yet: run setup", table.schema, table.name);
        findings.push(Finding::Notice(text));
    }
    for oid in &published {
        let is_planned = plan.published().any(|table| table.oid == *oid);
        let table = plan.tables.iter().find(|planned| planned.table.oid == *oid);
        if let Some(planned) = table.filter(|_| !is_planned) {
            let table = &planned.table;
            let text = format!(
                "{}.{} is published and cannot be followed, and its UPDATEs may fail: run setup",
                table.schema, table.name
            );
            findings.push(Finding::Notice(text));
        }
    }
    findings
}
