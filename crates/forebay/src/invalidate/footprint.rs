//! What a commit has made untrue in the index, kept for as long as it is unconfirmed, and whether a
//! draft rests on any of it. It holds no values, and decides in doubt that it does.

use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::basis::Basis;
use super::change::{Changes, Effects, Touched};
use super::draft::Draft;
use super::index::{Index, Interest};
use super::partner::Rest;
use super::versions::slot_of_table;
use super::window::Window;
use super::write::WriteSet;

/// What a commit has made untrue.
#[derive(Debug)]
pub(super) enum Footprint {
    Everything,
    Tables(Vec<Trace>),
}

/// What a commit has made untrue in one table.
#[derive(Debug)]
pub(super) struct Trace {
    /// The slot of the table.
    table: u32,
    /// Not the whole table.
    part: Option<Part>,
}

/// What changed rows meant to the shapes that there were.
struct Part {
    /// A shape that is not among these has not seen the rows.
    interest: Arc<Interest>,
    /// In order.
    slots: Vec<u32>,
    /// Windows that were looked into, by key values and the position of their shape, in order.
    /// Where the rows lie in them is not kept: every window there counts as touched.
    buckets: Vec<(u64, usize)>,
}

/// A draft beside what its tables look like by now.
pub(super) struct Rests<'d> {
    draft: &'d Draft,
    /// Of each table its slot, and its shapes after the draft has entered its own.
    tables: SmallVec<[(u32, Arc<Interest>); 4]>,
}

impl Footprint {
    /// What these row changes will make untrue when they are applied, if it happens before there
    /// are further shapes; otherwise the whole table is changed, and for that the interests that
    /// differ will tell.
    pub(super) fn of(changes: &Changes) -> Footprint {
        let trace = |(table, touched): (&str, &Touched)| {
            let part = match touched {
                Touched::Rows { interest, effects } => Some(Part::of(interest, effects)),
                Touched::Whole => None,
            };
            Trace { table: slot_of_table(table), part }
        };
        Footprint::Tables(changes.tables().map(trace).collect())
    }

    /// What a commit has made untrue of which only the tables are known.
    pub(super) fn of_tables(writes: &WriteSet) -> Footprint {
        match writes {
            WriteSet::Everything => Footprint::Everything,
            WriteSet::Tables(slots) => {
                let whole = |table: &u32| Trace { table: *table, part: None };
                Footprint::Tables(slots.iter().map(whole).collect())
            }
        }
    }

    /// Whether it may be anything, the schema too.
    pub(super) fn is_everything(&self) -> bool {
        matches!(self, Footprint::Everything)
    }

    /// What it takes to keep it, in marks of some bytes each.
    pub(super) fn weight(&self) -> usize {
        let weight = |trace: &Trace| 1 + trace.part.as_ref().map_or(0, Part::weight);
        match self {
            Footprint::Everything => 0,
            Footprint::Tables(traces) => traces.iter().map(weight).sum(),
        }
    }

    /// The same or more, within `weight_max`.
    pub(super) fn within(mut self, weight_max: usize) -> Footprint {
        if let Footprint::Tables(traces) = &mut self {
            if traces.len() > weight_max {
                return Footprint::Everything;
            }
            let mut left = weight_max - traces.len();
            for trace in traces {
                trace.part = trace.part.take().filter(|part| part.weight() <= left);
                left -= trace.part.as_ref().map_or(0, Part::weight);
            }
        }
        self
    }

    /// Whether the draft rests on any of it.
    pub(super) fn meets(&self, rests: &Rests<'_>) -> bool {
        match self {
            Footprint::Everything => true,
            Footprint::Tables(traces) => traces.iter().any(|trace| trace.meets(rests)),
        }
    }
}

impl Trace {
    fn meets(&self, rests: &Rests<'_>) -> bool {
        let mut interests = rests.tables.iter().filter(|(table, _)| *table == self.table);
        let Some(part) = &self.part else { return interests.next().is_some() };
        let is_there = interests.clone().next().is_some();
        let is_other = interests.any(|(_, interest)| !Arc::ptr_eq(interest, &part.interest));
        is_there && (is_other || part.meets(rests.draft))
    }
}

impl Part {
    fn of(interest: &Arc<Interest>, effects: &Effects) -> Part {
        let mut slots: Vec<u32> = effects.wide.iter().chain(&effects.slots).copied().collect();
        slots.sort_unstable();
        slots.dedup();
        let mut buckets = Vec::new();
        for probe in &effects.probes {
            buckets.extend(probe.images.iter().map(|(bucket, _)| (*bucket, probe.shape)));
        }
        buckets.sort_unstable();
        buckets.dedup();
        Part { interest: interest.clone(), slots, buckets }
    }

    fn weight(&self) -> usize {
        self.slots.len() + 4 * self.buckets.len()
    }

    fn meets(&self, draft: &Draft) -> bool {
        let holds = |slot: u32| self.slots.binary_search(&slot).is_ok();
        let awaited = draft.awaited.iter().filter_map(|awaited| match &awaited.rest {
            Rest::Slot { slot, .. } => Some(*slot),
            // Its windows are among those of the draft.
            Rest::Page(_) => None,
        });
        let mut slots = draft.ticket.versions.iter().map(|(slot, _)| *slot).chain(awaited);
        slots.any(holds) || draft.windows.iter().any(|window| self.is_in(window))
    }

    /// Whether the windows of that shape with those key values were looked into.
    fn is_in(&self, window: &Window) -> bool {
        let first = self.buckets.partition_point(|(bucket, _)| *bucket < window.bucket);
        let mut same = self.buckets[first..].iter().take_while(|it| it.0 == window.bucket);
        same.any(|(_, shape)| Arc::ptr_eq(&self.interest.shapes[*shape], &window.shape))
    }
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} slots, {} buckets", self.slots.len(), self.buckets.len())
    }
}

impl<'d> Rests<'d> {
    /// To be called once the draft is taken: its own shapes have to be among those of its tables.
    pub(super) fn of(draft: &'d Draft, basis: &Basis, index: &Index) -> Rests<'d> {
        let tables = basis.0.iter().map(|need| (need.slot, index.interest(&need.table)));
        Rests { draft, tables: tables.collect() }
    }
}
