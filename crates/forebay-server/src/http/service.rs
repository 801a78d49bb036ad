//! What all requests share. It is built once and never changes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use forebay::Db;
use tokio::sync::Semaphore;

use super::origin::Gate;
use super::tally::Tally;
use crate::hrana::Door;
use crate::memory::Memory;
use crate::options::Options;

/// The service behind the routes.
pub(crate) struct Service {
    pub(crate) db: Db,
    pub(crate) options: Arc<Options>,
    pub(crate) door: Arc<Door>,
    pub(crate) memory: Memory,
    pub(crate) gate: Gate,
    /// One permit for each request in work.
    pub(crate) requests: Arc<Semaphore>,
    pub(crate) tally: Tally,
    pub(crate) started: SystemTime,
}

impl Service {
    pub(crate) fn new(db: Db, options: Options, listening: SocketAddr) -> Service {
        let gate = Gate::new(&options, listening);
        let options = Arc::new(options);
        let memory = Memory::new(options.memory_bytes_max);
        Service {
            door: Arc::new(Door::new(db.clone(), options.clone(), memory.clone())),
            requests: Arc::new(Semaphore::new(options.requests_max)),
            tally: Tally::default(),
            started: SystemTime::now(),
            db,
            options,
            memory,
            gate,
        }
    }

    /// Requests in work now.
    pub(crate) fn requests_in_work(&self) -> usize {
        self.options.requests_max - self.requests.available_permits()
    }
}
