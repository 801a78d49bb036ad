//! Where tests stop a change, a lookup or a load, so that something else goes first.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::keyed::tiers::Point;

/// The points at which something waits.
#[derive(Default)]
pub(crate) struct Pauses {
    gates: Mutex<HashMap<Point, Gate>>,
    /// The task that came to the first gate: what follows is for it alone.
    owner: Mutex<Option<tokio::task::Id>>,
    skips_second: AtomicBool,
}

/// A point at which the next one waits that comes there, until it is opened.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Inner>);

struct Inner {
    is_reached: AtomicBool,
    go: Semaphore,
}

impl Pauses {
    pub(crate) fn gate(&self, point: Point) -> Gate {
        let inner = Inner { is_reached: AtomicBool::new(false), go: Semaphore::new(0) };
        let gate = Gate(Arc::new(inner));
        self.gates.lock().unwrap().insert(point, gate.clone());
        gate
    }

    /// Takes all gates away.
    pub(crate) fn clear(&self) {
        self.gates.lock().unwrap().clear();
    }

    pub(crate) async fn at(&self, point: Point) {
        let gate = self.take(point);
        if let Some(gate) = gate {
            gate.0.is_reached.store(true, Ordering::SeqCst);
            drop(gate.0.go.acquire().await);
        }
    }

    fn take(&self, point: Point) -> Option<Gate> {
        let mut owner = self.owner.lock().unwrap();
        match point {
            Point::Looked | Point::Landing if *owner != tokio::task::try_id() => return None,
            _ => {}
        }
        let gate = self.gates.lock().unwrap().remove(&point);
        if point == Point::Looking && gate.is_some() {
            *owner = tokio::task::try_id();
        }
        gate
    }

    /// Leaves out what is done a second time, to see that it is needed.
    pub(crate) fn skip_second(&self) {
        self.skips_second.store(true, Ordering::SeqCst);
    }

    pub(crate) fn skips_second(&self) -> bool {
        self.skips_second.load(Ordering::SeqCst)
    }
}

impl Gate {
    pub(crate) fn is_reached(&self) -> bool {
        self.0.is_reached.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) {
        self.0.go.close();
    }
}
