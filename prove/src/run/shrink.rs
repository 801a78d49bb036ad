//! Making a failing script small: parts are left out as long as it goes on failing, halves first,
//! then smaller pieces.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::case::{Case, Difference};
use crate::domain::Statement;
use crate::write::{By, Op, Turn};

/// The longest that shrinking may take.
const TIME_MAX: Duration = Duration::from_secs(90);

/// A smaller script that fails too, and how; `None` when the script does not fail again.
pub(crate) async fn shrink(case: Case) -> Result<Option<(Case, Difference)>> {
    let until = Instant::now() + TIME_MAX;
    let Some((done, difference)) = case.replay().await? else { return Ok(None) };
    let mut best = Best { case, difference, until };
    best.case.turns.truncate(done);
    best.only_the_wrong_read().await?;
    best.shorten(|case| &mut case.turns).await?;
    best.split_turns().await?;
    best.shorten(|case| &mut case.turns).await?;
    best.shorten(|case| &mut case.parts).await?;
    best.shorten(|case| &mut case.reads).await?;
    best.shorten(|case| &mut case.turns).await?;
    best.plain_turns().await?;
    Ok(Some((best.case, best.difference)))
}

struct Best {
    case: Case,
    difference: Difference,
    until: Instant,
}

impl Best {
    /// Takes the candidate if it fails too.
    async fn offer(&mut self, mut candidate: Case) -> Result<bool> {
        if Instant::now() > self.until {
            return Ok(false);
        }
        let Some((done, difference)) = candidate.replay().await? else { return Ok(false) };
        candidate.turns.truncate(done);
        self.case = candidate;
        self.difference = difference;
        Ok(true)
    }

    /// The read that was wrong alone: from the beginning, or else from where it came in.
    async fn only_the_wrong_read(&mut self) -> Result<()> {
        let wrong = &self.difference.read.statement;
        let found = self.case.reads.iter().find(|(_, read)| read.statement == *wrong).cloned();
        let Some((since, read)) = found else { return Ok(()) };
        for since in [0, since] {
            let mut candidate = self.case.clone();
            candidate.reads = vec![(since, read.clone())];
            if self.offer(candidate).await? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Leaves pieces of one list out, from halves down to single items.
    async fn shorten<T: Clone>(&mut self, list: fn(&mut Case) -> &mut Vec<T>) -> Result<()> {
        let mut size = list(&mut self.case).len().div_ceil(2);
        while size > 0 {
            let mut start = 0;
            while start < list(&mut self.case).len() {
                let mut candidate = self.case.clone();
                let items = list(&mut candidate);
                let end = (start + size).min(items.len());
                items.drain(start..end);
                if !self.offer(candidate).await? {
                    start += size;
                }
            }
            size = if size == 1 { 0 } else { size.div_ceil(2) };
        }
        Ok(())
    }

    /// Leaves single statements of a turn out.
    async fn split_turns(&mut self) -> Result<()> {
        let mut at = 0;
        while at < self.case.turns.len() {
            let mut op = 0;
            while self.case.turns.get(at).is_some_and(|turn| op < turn.ops.len()) {
                let mut candidate = self.case.clone();
                let ops = &mut candidate.turns[at].ops;
                let taken = ops.remove(op);
                // What was nested may be enough by itself.
                let mut flat = self.case.clone();
                if let Op::Nested(inner, _) = taken {
                    flat.turns[at].ops.splice(op..=op, inner);
                    if self.offer(flat).await? {
                        continue;
                    }
                }
                if candidate.turns[at].ops.is_empty() || !self.offer(candidate).await? {
                    op += 1;
                }
            }
            at += 1;
        }
        Ok(())
    }

    /// Turns of one statement become the plainest kind, with values instead of parameters.
    async fn plain_turns(&mut self) -> Result<()> {
        for at in 0..self.case.turns.len() {
            let Some(turn) = self.case.turns.get(at) else { break };
            let [Op::Run(statement)] = turn.ops.as_slice() else { continue };
            let written = Statement::plain(statement.written_out());
            let mut candidate = self.case.clone();
            candidate.turns[at] = Turn::single(By::Execute, written);
            self.offer(candidate).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::literal;
    use crate::feature::Features;
    use crate::read::Read;

    /// A read that "fails" as soon as it is served from the cache.
    fn never_cached(sql: &str, volatile: bool) -> Read {
        let mut read = Read::plain(Statement::plain(sql), Features::default());
        read.compare.volatile = volatile;
        read
    }

    #[tokio::test]
    async fn only_what_is_needed_is_left() {
        let parts = [
            "CREATE TABLE other (x)",
            "CREATE TABLE t (a, b)",
            "INSERT INTO t VALUES (1, 2)",
            "CREATE INDEX i ON t (b)",
            "CREATE VIEW v AS SELECT * FROM other",
        ];
        let run = |sql: &str| Op::Run(Statement::plain(sql));
        let turn = |ops: Vec<Op>, is_one| Turn {
            by: By::Session,
            ops,
            is_one,
            commits: true,
            kill: None,
            is_quiet: false,
        };
        // The entry falls at every write of `t`; it is hit for the first time after the last turn.
        let mut turns: Vec<Turn> = (0..6)
            .map(|n| {
                let write = format!("INSERT INTO t VALUES ({}, 0)", literal(&n.into()));
                turn(vec![run(&write), run("INSERT INTO other VALUES (1)")], true)
            })
            .collect();
        turns.push(turn(vec![Op::Nested(vec![run("INSERT INTO other VALUES (2)")], true)], true));
        let reads = vec![
            (0, never_cached("SELECT * FROM other", false)),
            (0, never_cached("SELECT a FROM t WHERE a = 1", true)),
            (3, never_cached("SELECT count(*) FROM v", false)),
        ];
        let parts = parts.map(str::to_owned).to_vec();
        let case = Case { parts, turns, reads, ..Case::default() };
        let (small, difference) = shrink(case).await.unwrap().unwrap();
        assert_eq!(small.parts, ["CREATE TABLE t (a, b)"]);
        assert_eq!(small.reads.len(), 1);
        assert!(small.turns.len() <= 1, "{:?}", small.turns);
        let text = small.described(&difference);
        assert!(text.contains("SELECT a FROM t WHERE a = 1;"), "{text}");
    }

    #[tokio::test]
    async fn a_script_that_does_not_fail_is_told_so() {
        let reads = vec![(0, never_cached("SELECT 1", false))];
        let case = Case { reads, ..Case::default() };
        assert!(shrink(case).await.unwrap().is_none());
    }
}
