//! What every Hrana request needs: the database, the limits, the open streams.

use std::sync::Arc;
use std::time::Duration;

use forebay::Db;

use super::streams::Streams;
use crate::json::Answer;
use crate::memory::Memory;
use crate::options::Options;

/// Shared by all requests.
pub(crate) struct Door {
    pub(crate) db: Db,
    pub(crate) options: Arc<Options>,
    pub(crate) memory: Memory,
    pub(crate) streams: Arc<Streams>,
}

impl Door {
    pub(crate) fn new(db: Db, options: Arc<Options>, memory: Memory) -> Door {
        let streams = Streams::new(&options);
        Door { db, options, memory, streams }
    }

    /// An empty answer.
    pub(crate) fn answer(&self) -> Answer {
        Answer::new(self.options.response_bytes_max, self.memory.hold())
    }

    /// Streams open now.
    pub(crate) fn streams_open(&self) -> usize {
        self.streams.open_count()
    }

    /// Rolls back and closes every stream.
    pub(crate) async fn close(&self) {
        self.streams.close_all().await;
    }
}

/// Closes idle streams in time, for as long as it is polled.
pub(crate) async fn sweep(door: Arc<Door>) {
    let idle = door.options.stream_idle_timeout.min(door.options.cursor_timeout);
    let pause = (idle / 4).clamp(Duration::from_millis(5), Duration::from_secs(1));
    loop {
        tokio::time::sleep(pause).await;
        door.streams.expire().await;
    }
}
