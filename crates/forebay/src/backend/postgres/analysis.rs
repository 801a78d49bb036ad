//! What a statement does, as far as its words tell.

use crate::backend::{Effect, Known};
use crate::sql::{self, Bypass, Command, asks_its_session, is_explain};

/// What is known of a text before the server has seen it.
pub(crate) fn known(sql: &str) -> Known {
    let command = Command::of(sql);
    let effect = match command {
        Command::Read => Effect::Read,
        Command::Write => Effect::Write,
        Command::Schema => Effect::Schema,
        Command::Maintain => Effect::Maintain,
        Command::Session => Effect::Session,
        Command::Transaction => Effect::Transaction,
    };
    let mut known = Known::of(effect, [].into());
    known.bypasses = vec![match effect {
        Effect::Read => Bypass::CacheOff,
        _ => Bypass::Write,
    }];
    known.is_explain = is_explain(sql);
    known.is_readonly = effect == Effect::Read;
    known.asks = asks_its_session(sql);
    known
}

/// Whether a text is COMMIT or END.
pub(crate) fn is_commit(sql: &str) -> bool {
    sql::is_commit(sql)
}

/// Whether a statement may leave something in its session, as far as its words tell. A function
/// that a query calls may, too.
pub(crate) fn may_change_session(known: &Known, sql: &str) -> bool {
    known.effect == Effect::Session || sql::runs_block(sql)
}
