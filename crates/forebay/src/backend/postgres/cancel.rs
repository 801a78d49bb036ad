//! Asking the server to stop what another connection is running. It says nothing about the
//! statement: whatever runs there when the signal comes is stopped, so `halt` decides about when.

use postgres_protocol::message::frontend;
use tokio::time::timeout;

use super::config::Config;
use super::halt::{GRACE, Told};
use super::socket::{self, Peer};
use super::startup::{self, Key};
use super::wire::{Turn, Wire};

/// Sends the request on a connection of its own, protected as the first one, and waits until the
/// server has closed that. Cancel safe only in that nothing leaks: the request may have been sent.
pub(super) async fn ask(config: &Config, peer: &Peer, key: Key) -> Told {
    let reached = timeout(GRACE, async {
        let socket = socket::connect(peer).await.ok()?;
        startup::protect(config, socket).await.ok()
    });
    let Ok(Some(route)) = reached.await else { return Told::No };
    let mut wire = Wire::new(route.socket);
    frontend::cancel_request(key.process, key.secret, &mut wire.outbox);
    let closed = async {
        // However it ends, the process that would have sent the signal is gone.
        while let Ok(Turn::Read | Turn::Wrote) = wire.turn(true).await {
            while let Ok(Some(header)) = wire.inbox.header() {
                wire.inbox.skip(header);
            }
        }
    };
    match timeout(GRACE, closed).await {
        Ok(()) => Told::Yes,
        Err(_) => Told::Perhaps,
    }
}
