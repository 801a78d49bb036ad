//! Rules: what whoever runs a database says of its statements, without touching the application.
//! Plain data, and whether a statement is meant. It does nothing to any statement; `engine` does.

use std::fmt;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::glob::Glob;

/// Patterns, fingerprints and tags of one rule, each at most.
const PARTS_MAX: usize = 1_000;

/// A rule for the statements that it fits: [`crate::Builder::rule`], [`crate::Db::set_rules`].
///
/// A rule fits a statement if the statement is one of its fingerprints, its normalised text
/// matches one of its patterns, and it reads or writes one of its tables; of what a rule does not
/// name, everything fits. The first rule that fits a statement acts on it, and no other. What it
/// says counts before what the query itself says, except that a query that says `exact` or
/// `no_cache` is given no answer that the rule would let be stale.
///
/// ```
/// use std::time::Duration;
/// use forebay::{Builder, Rule};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> forebay::Result<()> {
/// let reports = Rule::new("reports")
///     .table("report_*")
///     .stale()
///     .ttl(Duration::from_secs(60))
///     .stale_while_revalidate(Duration::from_secs(240))
///     .timeout(Duration::from_secs(120));
/// let exports = Rule::new("no exports").text("select * from orders*").deny("use the export");
/// let db = Builder::new("sqlite::memory:").rule(reports).rule(exports).open().await?;
/// # let _ = db;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a rule does nothing until it is given to a database"]
pub struct Rule {
    name: String,
    fingerprints: Vec<u64>,
    texts: Vec<Glob>,
    tables: Vec<Glob>,
    is_stale: bool,
    pub(crate) words: Words,
}

/// What a rule has done with a statement.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Words {
    pub(crate) no_cache: bool,
    pub(crate) ttl: Option<Duration>,
    pub(crate) ttl_only: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Vec<String>,
    /// A space by its name, with its bound.
    pub(crate) space: Option<(String, u64)>,
    pub(crate) max_rows: Option<usize>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) deny: Option<String>,
}

/// What is known of a statement when a rule is looked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) fingerprint: u64,
    /// The normalised text.
    pub(crate) text: &'a str,
    /// What it reads, and what it writes; none where that is not known, and then it is of no table.
    pub(crate) tables: [&'a [Box<str>]; 2],
}

impl Rule {
    /// A rule that fits every statement and does nothing yet. Its name is shown by `explain` and
    /// the statistics, and has to be another one for each rule.
    pub fn new(name: impl Into<String>) -> Rule {
        Rule {
            name: name.into(),
            fingerprints: Vec::new(),
            texts: Vec::new(),
            tables: Vec::new(),
            is_stale: false,
            words: Words::default(),
        }
    }

    /// The statement with this fingerprint, as `explain` and the statistics show it. May be said
    /// several times.
    pub fn fingerprint(mut self, fingerprint: u64) -> Rule {
        self.fingerprints.push(fingerprint);
        self
    }

    /// Statements whose normalised text (as `explain` shows it: without literals and comments)
    /// matches this pattern as a whole: `*` stands for anything, `?` for one character, `\` takes
    /// the next one literally. Capital letters make no difference. May be said several times.
    pub fn text(mut self, pattern: impl AsRef<str>) -> Rule {
        self.texts.push(folded(pattern.as_ref()));
        self
    }

    /// Statements that read or write a table whose name matches this pattern, by themselves or
    /// through views, triggers and the like. May be said several times.
    pub fn table(mut self, pattern: impl AsRef<str>) -> Rule {
        self.tables.push(folded(pattern.as_ref()));
        self
    }

    /// **Answers under this rule may be stale**: without it `ttl_only`, `stale_while_revalidate`
    /// and `stale_if_error` are refused, so that nobody gives up exactness by accident.
    pub fn stale(mut self) -> Rule {
        self.is_stale = true;
        self
    }

    /// Past the cache.
    pub fn no_cache(mut self) -> Rule {
        self.words.no_cache = true;
        self
    }

    /// See [`crate::Query::ttl`]: no answer that is older, and none that is untrue. Where changes
    /// are not seen it would let answers be as old as that; there it counts only with
    /// [`Rule::stale`].
    pub fn ttl(mut self, limit: Duration) -> Rule {
        self.words.ttl = Some(limit);
        self
    }

    /// See [`crate::Query::ttl_only`].
    pub fn ttl_only(mut self, limit: Duration) -> Rule {
        self.words.ttl_only = Some(limit);
        self
    }

    /// See [`crate::Query::stale_while_revalidate`].
    pub fn stale_while_revalidate(mut self, limit: Duration) -> Rule {
        self.words.stale_while_revalidate = Some(limit);
        self
    }

    /// See [`crate::Query::stale_if_error`].
    pub fn stale_if_error(mut self, limit: Duration) -> Rule {
        self.words.stale_if_error = Some(limit);
        self
    }

    /// See [`crate::Query::tag`]. May be said several times.
    pub fn tag(mut self, tag: impl Into<String>) -> Rule {
        self.words.tags.push(tag.into());
        self
    }

    /// Its answers lie in the space of this name, of so many bytes, apart from those of other rules
    /// and of queries with words of their own: neither takes room from the other. Rules may share a
    /// space. [`crate::PolicyStats::spaces`] shows how full it is. What tags and `clear` delete is
    /// deleted there, too. Of one database 1,000 names are told apart; answers of further ones lie
    /// with the others.
    pub fn space(mut self, name: impl Into<String>, bytes: u64) -> Rule {
        self.words.space = Some((name.into(), bytes));
        self
    }

    /// Rows of an answer at most, if the query does not allow fewer; more is an error
    /// ([`Error::is_too_large`]).
    pub fn max_rows(mut self, rows: usize) -> Rule {
        self.words.max_rows = Some(rows);
        self
    }

    /// The longest such a statement may run, whatever the query says.
    pub fn timeout(mut self, limit: Duration) -> Rule {
        self.words.timeout = Some(limit);
        self
    }

    /// Refuses such a statement ([`Error::is_denied`]) with this reason, before anything is asked
    /// of the database or the cache. It keeps load away; who may see what is for the rights of
    /// the database to say.
    pub fn deny(mut self, reason: impl Into<String>) -> Rule {
        self.words.deny = Some(reason.into());
        self
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The space of its answers, if they have one.
    pub(crate) fn own_space(&self) -> Option<(&str, u64)> {
        self.words.space.as_ref().map(|(name, bytes)| (name.as_str(), *bytes))
    }

    /// Whether it fits a statement.
    pub(crate) fn fits(&self, facts: &Facts<'_>) -> bool {
        let is_one = || self.fingerprints.contains(&facts.fingerprint);
        let matches = |text: &str, patterns: &[Glob]| {
            let text = text.to_lowercase();
            patterns.iter().any(|pattern| pattern.matches(text.as_bytes()))
        };
        let tables = || facts.tables.into_iter().flatten();
        (self.fingerprints.is_empty() || is_one())
            && (self.texts.is_empty() || matches(facts.text, &self.texts))
            && (self.tables.is_empty() || tables().any(|table| matches(table, &self.tables)))
    }

    /// Whether it has to be known what tables a statement is of.
    pub(crate) fn needs_tables(&self) -> bool {
        !self.tables.is_empty()
    }

    /// Whether it may have answers served that are not known to be true.
    pub(crate) fn is_stale(&self) -> bool {
        self.is_stale
    }

    /// An error ([`Error::is_usage`]) if it says nothing, too much, or what does not go together.
    pub fn validate(&self) -> Result<()> {
        let refuse = |what: &str| Err(Error::usage(format!("rule {:?}: {what}", self.name)));
        let words = &self.words;
        if self.name.is_empty() || self.name.chars().any(char::is_control) {
            return Err(Error::usage("a rule needs a name, without control characters"));
        }
        let parts = [&self.fingerprints.len(), &self.texts.len(), &self.tables.len()];
        if parts.into_iter().chain([&words.tags.len()]).any(|count| *count > PARTS_MAX) {
            return refuse("it has more than 1,000 fingerprints, patterns or tags");
        }
        if *words == Words::default() {
            return refuse("it says nothing of what becomes of its statements");
        }
        if let Some(word) = words.stale_word().filter(|_| !self.is_stale) {
            return refuse(&format!(
                "{word} lets answers be stale; say `stale` as well if that is meant"
            ));
        }
        if words.no_cache && words.is_kept() {
            return refuse(
                "what goes past the cache has no ttl, no stale answers, no tags and no space",
            );
        }
        if words.deny.is_some()
            && *words != (Words { deny: words.deny.clone(), ..Words::default() })
        {
            return refuse("what is denied needs no other word");
        }
        if words.timeout.is_some_and(|limit| limit.is_zero()) {
            return refuse("its timeout is 0, so that no statement could ever end");
        }
        Ok(())
    }
}

impl Words {
    /// The first word that allows answers that are not known to be true.
    fn stale_word(&self) -> Option<&'static str> {
        let said = |limit: Option<Duration>| limit.is_some_and(|limit| !limit.is_zero());
        [
            ("ttl_only", self.ttl_only),
            ("stale_while_revalidate", self.stale_while_revalidate),
            ("stale_if_error", self.stale_if_error),
        ]
        .into_iter()
        .find_map(|(name, limit)| said(limit).then_some(name))
    }

    /// Whether it says how answers are kept.
    pub(crate) fn is_kept(&self) -> bool {
        let limits = [self.ttl, self.ttl_only, self.stale_while_revalidate, self.stale_if_error];
        limits.iter().any(Option::is_some) || !self.tags.is_empty() || self.space.is_some()
    }
}

/// What it does, for `explain`.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = &self.words;
        let mut parts: Vec<String> = Vec::new();
        parts.extend(words.deny.as_ref().map(|reason| format!("refused: {reason}")));
        parts.extend(words.no_cache.then(|| "past the cache".to_owned()));
        for (name, limit) in [
            ("ttl", words.ttl),
            ("ttl_only", words.ttl_only),
            ("stale_while_revalidate", words.stale_while_revalidate),
            ("stale_if_error", words.stale_if_error),
            ("timeout", words.timeout),
        ] {
            parts.extend(limit.map(|limit| format!("{name} {limit:?}")));
        }
        parts.extend((!words.tags.is_empty()).then(|| format!("tags {}", words.tags.join(", "))));
        parts.extend(
            words.space.as_ref().map(|(name, bytes)| format!("space {name}, {bytes} bytes")),
        );
        parts.extend(words.max_rows.map(|rows| format!("{rows} rows at most")));
        write!(f, "{}: {}", self.name, parts.join("; "))
    }
}

/// A pattern for texts in lower case.
fn folded(pattern: &str) -> Glob {
    Glob::new(pattern.to_lowercase().as_bytes())
}

#[cfg(test)]
mod tests;
