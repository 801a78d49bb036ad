//! One bound on the bytes of request bodies and answers that are held at once, all clients
//! together. It counts what callers tell it; it allocates nothing itself.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::failure::Failure;

/// Permits stand for units of this many bytes, so that their number fits into 32 bits.
const UNIT_BYTES: usize = 1_024;

/// The bytes that may still be held.
#[derive(Clone)]
pub(crate) struct Memory(Arc<Semaphore>);

impl Memory {
    pub(crate) fn new(bytes_max: usize) -> Memory {
        Memory(Arc::new(Semaphore::new(bytes_max.div_ceil(UNIT_BYTES))))
    }

    /// Nothing held yet.
    pub(crate) fn hold(&self) -> Held {
        Held { memory: self.0.clone(), permit: None }
    }

    /// Bytes that are free.
    #[cfg(test)]
    pub(crate) fn free(&self) -> usize {
        self.0.available_permits() * UNIT_BYTES
    }
}

/// Bytes held by one request; given back when dropped.
pub(crate) struct Held {
    memory: Arc<Semaphore>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Held {
    /// Holds `bytes` in all. It never waits: a caller that holds memory already and waits for
    /// more could wait for another one that does the same.
    pub(crate) fn grow_to(&mut self, bytes: usize) -> Result<(), Failure> {
        let now = self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let Some(more) = bytes.div_ceil(UNIT_BYTES).checked_sub(now).filter(|more| *more > 0)
        else {
            return Ok(());
        };
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        let Ok(permit) = self.memory.clone().try_acquire_many_owned(more) else {
            return Err(Failure::new(
                503,
                "MEMORY_EXHAUSTED",
                "the service holds as many bytes of requests and answers as it may \
                 (memory_bytes_max); try again later, or ask for fewer rows at a time",
            ));
        };
        match &mut self.permit {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_once_and_given_back() {
        let memory = Memory::new(10 * UNIT_BYTES);
        let mut first = memory.hold();
        for (bytes, free) in [(1, 9), (UNIT_BYTES, 9), (UNIT_BYTES + 1, 8), (100, 8)] {
            first.grow_to(bytes).unwrap();
            assert_eq!(memory.free(), free * UNIT_BYTES);
        }
        let mut second = memory.hold();
        second.grow_to(8 * UNIT_BYTES).unwrap();
        assert_eq!(first.grow_to(3 * UNIT_BYTES).unwrap_err().code, "MEMORY_EXHAUSTED");
        drop(second);
        first.grow_to(3 * UNIT_BYTES).unwrap();
        drop(first);
        assert_eq!(memory.free(), 10 * UNIT_BYTES);
    }
}
