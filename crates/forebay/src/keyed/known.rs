//! What is known of changes that others make, to somebody who keeps a copy in memory. It decides
//! nothing: whoever gives a copy away asks it first.

use super::tiers::{RedisTicket, Stamp};

/// Whether a copy is still what everybody else is given.
#[derive(Clone, Debug)]
pub(crate) enum Known {
    /// Nobody else can change it.
    Alone,
    /// Others can, and it would not be heard: nothing may be kept.
    Deaf,
    /// Others can, and this says whether they have.
    By(RedisTicket),
}

/// What that comes to at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    Yes,
    /// Not now, since nothing is heard.
    NotNow,
    /// Never again.
    Over,
}

impl Known {
    #[inline]
    pub(crate) fn trust(&self) -> Trust {
        match self {
            Known::Alone => Trust::Yes,
            Known::Deaf => Trust::NotNow,
            Known::By(ticket) if ticket.is_true() => Trust::Yes,
            Known::By(ticket) if ticket.has_ended() => Trust::Over,
            Known::By(_) => Trust::NotNow,
        }
    }

    /// The same for something else, since the same moment.
    pub(crate) fn for_other(&self, name: &[u8], tags: &[Vec<u8>]) -> Known {
        let Known::By(ticket) = self else { return self.clone() };
        let tags: Vec<&[u8]> = tags.iter().map(Vec::as_slice).collect();
        ticket.for_other(name, &tags).map_or(Known::Deaf, Known::By)
    }

    /// Since when, if it is known of others at all.
    pub(crate) fn since(&self) -> Option<Stamp> {
        match self {
            Known::By(ticket) => Some(ticket.stamp()),
            Known::Alone | Known::Deaf => None,
        }
    }

    pub(crate) fn heap_size(&self) -> usize {
        match self {
            Known::By(ticket) => ticket.heap_size(),
            Known::Alone | Known::Deaf => 0,
        }
    }
}
