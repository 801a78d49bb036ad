//! The dependency index: which shapes of a table somebody rests on, and the versions and windows
//! of each. It hands out tickets and applies what transactions have changed.
//!
//! Applying a changed row costs a hash and an increment per shape of its table, and in shapes
//! with intervals a look into them; answers that are not affected cost nothing.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::author::{Author, Authors};
use super::basis::{Basis, Need};
use super::change::{Changes, Effects, Point, Probe, Touched};
use super::columns::ColumnSet;
use super::comparand::Comparand;
use super::draft::{Draft, Page};
use super::extent::Rows;
use super::resolve::{Bindings, Resolved};
use super::shape::{Form, Shape};
use super::sync::{AtomicU64, Ordering, PoisonError, RwLock};
use super::ticket::Ticket;
use super::versions::{Versions, slot_of_table};
use super::window::Window;
use super::write::WriteSet;

/// Shapes per table; an answer of a further one rests on the whole table.
const SHAPES_MAX: usize = 64;

/// The shapes of one table, as they were at some time.
pub(super) struct Interest {
    pub(super) shapes: Vec<Arc<Shape>>,
    /// The columns that any of them uses.
    pub(super) used: ColumnSet,
    /// A row that cannot be told to one shape drops the answers of that shape, not of the table.
    pub(super) is_partial: bool,
}

/// The shapes of one table.
struct Table {
    by_form: HashMap<Form, Arc<Shape>, RandomState>,
    /// Replaced with every new shape, so that it tells whether there is a new one.
    interest: Arc<Interest>,
}

/// The dependency index.
pub(crate) struct Index {
    /// Raised when everything may have changed.
    epoch: AtomicU64,
    versions: Versions,
    /// By name in lower case.
    tables: RwLock<HashMap<Box<str>, Table, RandomState>>,
    nothing: Arc<Interest>,
    /// Shapes that have been registered, forgotten ones included.
    registered: AtomicU64,
    is_partial: bool,
}

impl Index {
    /// For changes of which nearly every value is told. What cannot be told of a row drops the
    /// answers of its table.
    pub(crate) fn new() -> Index {
        Index::with(false)
    }

    /// For changes of which some values are never told. What cannot be told of a row drops the
    /// answers of the shapes that ask for it; each answer rests on one slot more for that, which is
    /// also where fences around some rows of a table find it.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(crate) fn of_partial_images() -> Index {
        Index::with(true)
    }

    fn with(is_partial: bool) -> Index {
        Index {
            epoch: AtomicU64::new(0),
            versions: Versions::new(),
            tables: RwLock::default(),
            nothing: Arc::new(Interest { shapes: Vec::new(), used: ColumnSet::NONE, is_partial }),
            registered: AtomicU64::new(0),
            is_partial,
        }
    }

    /// A ticket for an answer that rests on `basis` under these parameters. Taken before the
    /// snapshot of the read is opened, and to be closed with the answer.
    pub(crate) fn draft(&self, basis: &Basis, bindings: Bindings<'_>) -> Draft {
        // The epoch comes first: whatever clears the index after it makes the ticket void.
        let epoch = self.epoch.load(Ordering::Acquire);
        let ticket = Ticket { epoch, versions: SmallVec::new(), windows: None };
        let mut draft =
            Draft { ticket, windows: Vec::new(), page: None, awaited: Vec::new(), among: None };
        for (number, need) in basis.0.iter().enumerate() {
            self.note(need.slot, &mut draft);
            let Some(resolved) = Resolved::of(need, bindings) else { continue };
            // What a partner has is not told apart from what is not told of it.
            if self.is_partial || !self.await_partner(number, need, &resolved, bindings, &mut draft)
            {
                self.admit(need, resolved, bindings, &mut draft);
            }
        }
        draft
    }

    /// Whether nothing that the ticket rests on has changed since it was taken.
    #[inline]
    pub(crate) fn is_valid(&self, ticket: &Ticket) -> bool {
        self.epoch.load(Ordering::Acquire) == ticket.epoch
            && ticket.versions.iter().all(|(slot, version)| self.versions.get(*slot) == *version)
            && ticket
                .windows
                .as_ref()
                .is_none_or(|windows| windows.iter().all(|window| window.is_valid()))
    }

    /// Who made a ticket void, if it is void. Of several, one of them.
    pub(crate) fn culprit(&self, ticket: &Ticket) -> Option<Author> {
        if self.epoch.load(Ordering::Acquire) != ticket.epoch {
            return Some(Author::OTHERS);
        }
        let raised = |(slot, version): &(u32, u64)| {
            (self.versions.get(*slot) != *version).then(|| self.versions.author(*slot)).flatten()
        };
        let touched = || {
            let windows = ticket.windows.iter().flat_map(|windows| windows.iter());
            windows.filter_map(|window| window.author()).next()
        };
        ticket.versions.iter().find_map(raised).or_else(touched)
    }

    /// Applies a committed transaction of which only the tables are known.
    pub(crate) fn apply(&self, writes: &WriteSet, authors: &Authors) {
        match writes {
            WriteSet::Everything => self.flush(),
            WriteSet::Tables(slots) => {
                for slot in slots {
                    self.versions.raise(*slot, authors.of_table(*slot));
                }
            }
        }
    }

    /// Applies the row changes of a committed transaction.
    pub(crate) fn apply_changes(&self, changes: &Changes, authors: &Authors) {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        for (name, touched) in changes.tables() {
            let interest = tables.get(&*name.to_ascii_lowercase()).map(|table| &table.interest);
            let table = slot_of_table(name);
            let author = authors.of_table(table);
            let now = interest.unwrap_or(&self.nothing);
            match touched {
                // A shape that came after the rows were taken down has not seen them.
                Touched::Rows { interest, effects } if Arc::ptr_eq(interest, now) => {
                    let Effects { wide, slots, probes, .. } = effects;
                    // The order is what tickets with partners go by.
                    wide.iter().for_each(|slot| self.versions.raise(*slot, author));
                    slots.iter().for_each(|slot| self.versions.raise(*slot, author));
                    touch(interest, probes, author);
                }
                _ => self.versions.raise(table, author),
            }
        }
    }

    /// Makes every ticket void and forgets all shapes.
    pub(crate) fn flush(&self) {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let forgotten = std::mem::take(&mut *tables);
        // Under the lock: a ticket with the new epoch finds its shapes after this.
        self.epoch.fetch_add(1, Ordering::AcqRel);
        drop(tables);
        drop(forgotten);
    }

    /// How often everything was dropped.
    pub(crate) fn flushes(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Windows that answers rest on now. Cost: all shapes.
    pub(crate) fn windows(&self) -> usize {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let shapes = tables.values().flat_map(|table| &table.interest.shapes);
        shapes.map(|shape| shape.windows().len()).sum()
    }

    /// The shapes of a table as they are now.
    pub(super) fn interest(&self, table: &str) -> Arc<Interest> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let interest = tables.get(&*table.to_ascii_lowercase()).map(|table| &table.interest);
        interest.unwrap_or(&self.nothing).clone()
    }

    /// Enters what an answer rests on in one occurrence into its ticket.
    fn admit(&self, need: &Need, resolved: Resolved, bindings: Bindings<'_>, draft: &mut Draft) {
        let shape = self.shape(&need.table, &resolved.form);
        let Some(shape) = shape else {
            let whole = self.shape(&need.table, &Form::whole());
            // The whole table always has its place.
            if let Some(whole) = whole {
                self.note(whole.slot(whole.key([])), draft);
            }
            return;
        };
        if self.is_partial && (shape.has_keys() || shape.has_windows()) {
            self.note(shape.unclear_slot(), draft);
        }
        if !shape.has_windows() {
            for key in &resolved.keys {
                self.note(shape.slot(shape.key(key)), draft);
            }
            return;
        }
        if !self.admit_windows(need, &shape, &resolved, bindings, draft) {
            self.admit(need, resolved.without_ranges(), bindings, draft);
        }
    }

    /// Registers the windows of an answer in one occurrence; `false` when there are too many.
    pub(super) fn admit_windows(
        &self,
        need: &Need,
        shape: &Arc<Shape>,
        resolved: &Resolved,
        bindings: Bindings<'_>,
        draft: &mut Draft,
    ) -> bool {
        let register = |key| Window::register(shape, shape.key(key), resolved.spans.clone());
        let registered: Option<Vec<_>> = resolved.keys.iter().map(register).collect();
        let Some(registered) = registered else { return false };
        if let (Some(_), Some(top)) = (resolved.top, &need.occurrence.top)
            && let Some(limit) = Page::limit(top, bindings)
        {
            let spans = |window: &Arc<Window>| (window.clone(), resolved.spans.clone());
            let windows = registered.iter().map(spans).collect();
            draft.page = Some(Page { top: top.clone(), limit, windows });
        }
        draft.windows.extend(registered);
        true
    }

    /// Shapes that have been registered until now. An answer that rests on a shape has a draft that
    /// was taken after the shape was counted.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(super) fn registered(&self) -> u64 {
        self.registered.load(Ordering::Acquire)
    }

    /// Slots of which every answer rests on one that a change of such rows may make untrue, if its
    /// shape is registered by now. Cost: the shapes of the table.
    #[cfg_attr(not(feature = "postgres"), allow(dead_code))]
    pub(super) fn slots_of(&self, rows: &Rows) -> Vec<u32> {
        let mut slots = Vec::new();
        for shape in &self.interest(&rows.table).shapes {
            match rows.places(shape.keys()) {
                Some(places) if !shape.has_windows() => {
                    let key = |key: &Vec<Comparand>| shape.key(places.iter().map(|at| &key[*at]));
                    slots.extend(rows.keys.iter().map(|it| shape.slot(key(it))));
                }
                _ => slots.push(shape.unclear_slot()),
            }
        }
        slots
    }

    fn note(&self, slot: u32, draft: &mut Draft) {
        draft.rest_on([(slot, self.versions.get(slot))]);
    }

    pub(super) fn version(&self, slot: u32) -> u64 {
        self.versions.get(slot)
    }

    /// The shape of a table with this form; `None` when there are too many.
    pub(super) fn shape(&self, table: &str, form: &Form) -> Option<Arc<Shape>> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(shape) = tables.get(table).and_then(|table| table.by_form.get(form)) {
            return Some(shape.clone());
        }
        drop(tables);
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        let table = tables.entry(table.into()).or_insert_with(|| Table {
            by_form: HashMap::default(),
            interest: self.nothing.clone(),
        });
        let known = table.by_form.len();
        let shape = table.shape(form);
        // Under the lock: whoever finds the shape finds the number, too.
        self.registered.fetch_add((table.by_form.len() - known) as u64, Ordering::AcqRel);
        shape
    }
}

impl Table {
    fn shape(&mut self, form: &Form) -> Option<Arc<Shape>> {
        if let Some(shape) = self.by_form.get(form) {
            return Some(shape.clone());
        }
        if self.by_form.len() >= SHAPES_MAX && *form != Form::whole() {
            return None;
        }
        let shape = Arc::new(Shape::new(form.clone()));
        self.by_form.insert(form.clone(), shape.clone());
        let mut shapes = self.interest.shapes.clone();
        shapes.push(shape.clone());
        let used = self.interest.used.union(form.columns);
        let is_partial = self.interest.is_partial;
        self.interest = Arc::new(Interest { shapes, used, is_partial });
        Some(shape)
    }
}

/// Makes the windows void in which changed rows lie.
fn touch(interest: &Interest, probes: &[Probe], author: Author) {
    for probe in probes {
        let shape = &interest.shapes[probe.shape];
        let mark = |point: &Point| point.get(1)?.as_ref().map(|value| shape.key([value]));
        let mut windows = shape.windows();
        for (bucket, point) in &probe.images {
            windows.touch(*bucket, point, mark(point), author);
        }
    }
}
