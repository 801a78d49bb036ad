//! What all requests share. It is built once; all that changes is that it stops being ready.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use forebay::{Db, Monitor};
use tokio::sync::Semaphore;

use super::origin::Gate;
use super::tally::Tally;
use crate::admin::Admin;
use crate::error::Result;
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
    /// What the application has registered, and the database.
    pub(crate) monitor: Monitor,
    pub(crate) tally: Tally,
    pub(crate) admin: Admin,
    pub(crate) started: SystemTime,
    is_stopping: AtomicBool,
}

impl Service {
    pub(crate) fn new(db: Db, options: Options) -> Result<Service> {
        let gate = Gate::new(&options);
        let monitor = options.monitor.clone().statements_shown(options.fingerprints_shown);
        let monitor = monitor.db("", &db);
        let admin = admin(&db, &options)?;
        let options = Arc::new(options);
        let memory = Memory::new(options.memory_bytes_max);
        Ok(Service {
            door: Arc::new(Door::new(db.clone(), options.clone(), memory.clone())),
            requests: Arc::new(Semaphore::new(options.requests_max)),
            monitor,
            tally: Tally::default(),
            admin,
            started: SystemTime::now(),
            is_stopping: AtomicBool::new(false),
            db,
            options,
            memory,
            gate,
        })
    }

    /// From now on whoever asks is told to send requests elsewhere.
    pub(crate) fn stop_being_ready(&self) {
        self.is_stopping.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::Relaxed)
    }

    /// Requests in work now.
    pub(crate) fn requests_in_work(&self) -> usize {
        self.options.requests_max - self.requests.available_permits()
    }
}

/// The admin API over what the service has. Whoever may use the service may look.
fn admin(db: &Db, options: &Options) -> Result<Admin> {
    let mut access = options.admin.clone();
    if access.reader_token.is_none() {
        access.reader_token.clone_from(&options.token);
    }
    let mut builder = Admin::builder()
        .db("main", db)
        .monitor(&options.monitor)
        .access(access)
        .configuration(&options.configuration)
        .allow_origins(options.allow_origins.iter().cloned());
    if let Some(advisor) = &options.advisor {
        builder = builder.advisor("main", advisor.clone());
    }
    if let Some(maintenance) = &options.maintenance {
        builder = builder.maintenance("main", maintenance);
    }
    if let Some(level) = &options.log_level {
        builder = builder.log_level(level.clone());
    }
    for (name, cache) in &options.caches {
        builder = builder.cache(name, cache);
    }
    for (name, value) in options.shown() {
        builder = builder.setting(name, value);
    }
    builder.build()
}
