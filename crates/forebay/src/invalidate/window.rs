//! Windows: the part of a table that one answer rests on, where that is an interval of values: a
//! range in its WHERE, or what a full page of ORDER BY … LIMIT reaches. A changed row makes the
//! answers void in whose windows its old or new image lies.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use smallvec::SmallVec;

use super::author::Author;
use super::change::Point;
use super::interval::{Intervals, Span};
use super::shape::Shape;
use super::sync::{AtomicU32, Ordering};

/// Windows per shape; an answer beyond it rests on its key values alone.
const WINDOWS_MAX: usize = 100_000;

/// The windows of one shape, by key values.
#[derive(Default)]
pub(super) struct Windows {
    buckets: HashMap<u64, Intervals<Item>, RandomState>,
    count: usize,
    /// The next id; ids are never used twice.
    next: u64,
}

/// 0, or the number of who has touched a window.
type Void = Arc<AtomicU32>;

/// What is kept per window besides its first span, by which it is found.
struct Item {
    second: Option<Span>,
    /// If there are, the value in the second column must be one of these.
    among: Option<Among>,
    void: Arc<AtomicU32>,
}

/// One registered window; taken out of its shape when it is dropped.
pub(crate) struct Window {
    pub(super) shape: Arc<Shape>,
    pub(super) bucket: u64,
    id: u64,
    /// 0, or the number of who has touched it.
    void: Arc<AtomicU32>,
    /// Bytes of the values that it was narrowed to.
    among_size: AtomicU32,
}

/// Values of the second ranged column, each as the number that its shape makes of it, in order.
/// Two values with one number are taken for each other, which costs a needless drop.
pub(super) type Among = Arc<[u64]>;

/// One interval per ranged column of the shape.
pub(super) type Spans = SmallVec<[Span; 2]>;

impl Windows {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn insert(&mut self, bucket: u64, id: u64, mut spans: Spans, rest: (Option<Among>, Void)) {
        let second = if spans.len() > 1 { spans.pop() } else { None };
        let first = spans.pop().unwrap_or(Span::ALL);
        let intervals = self.buckets.entry(bucket).or_insert_with(Intervals::new);
        let (among, void) = rest;
        intervals.insert(id, first, Item { second, among, void });
        self.count += 1;
    }

    fn remove(&mut self, bucket: u64, id: u64) -> Option<Item> {
        let intervals = self.buckets.get_mut(&bucket)?;
        let removed = intervals.remove(id)?;
        if intervals.is_empty() {
            self.buckets.remove(&bucket);
        }
        self.count -= 1;
        Some(removed)
    }

    /// Makes every window of `bucket` void in which `point` lies, or may lie. `mark` is the number
    /// of its value in the second column.
    pub(super) fn touch(&mut self, bucket: u64, point: &Point, mark: Option<u64>, author: Author) {
        let Some(intervals) = self.buckets.get(&bucket) else { return };
        let mut found: SmallVec<[u64; 16]> = SmallVec::new();
        let second = point.get(1).and_then(Option::as_ref);
        let mut note = |id: u64, item: &Item| {
            let lies_in = match (&item.second, second) {
                (Some(span), Some(value)) => span.contains(value),
                _ => true,
            };
            let is_among = match (&item.among, mark) {
                (Some(among), Some(mark)) => among.binary_search(&mark).is_ok(),
                _ => true,
            };
            if lies_in && is_among {
                item.void.store(author.number(), Ordering::Release);
                found.push(id);
            }
        };
        match point.first().and_then(Option::as_ref) {
            Some(value) => intervals.stab(value, &mut note),
            None => intervals.all(&mut note),
        }
        for id in found {
            self.remove(bucket, id);
        }
    }
}

impl Window {
    /// Registers a window; `None` when the shape has too many.
    pub(super) fn register(shape: &Arc<Shape>, bucket: u64, spans: Spans) -> Option<Arc<Window>> {
        let void = Arc::new(AtomicU32::new(0));
        let mut windows = shape.windows();
        if windows.count >= WINDOWS_MAX {
            return None;
        }
        let id = windows.next;
        windows.next += 1;
        windows.insert(bucket, id, spans, (None, void.clone()));
        drop(windows);
        let among_size = AtomicU32::new(0);
        Some(Arc::new(Window { shape: shape.clone(), bucket, id, void, among_size }))
    }

    /// Whether no change has touched it.
    #[inline]
    pub(super) fn is_valid(&self) -> bool {
        self.void.load(Ordering::Acquire) == 0
    }

    /// Who has touched it, if anybody has.
    pub(super) fn author(&self) -> Option<Author> {
        Author::of(self.void.load(Ordering::Acquire))
    }

    /// Leaves only what also lies in `spans`, and whose value in the second column is `among`
    /// these. What has been touched before stays so: until now the window was wider.
    pub(super) fn narrow(&self, spans: Spans, among: Option<Among>) {
        let size = among.as_ref().map_or(0, |among| size_of_val(&**among));
        self.among_size.store(u32::try_from(size).unwrap_or(u32::MAX), Ordering::Relaxed);
        let mut windows = self.shape.windows();
        if let Some(item) = windows.remove(self.bucket, self.id) {
            windows.insert(self.bucket, self.id, spans, (among, item.void));
        }
    }

    /// Bytes of the values that it was narrowed to.
    pub(super) fn among_size(&self) -> usize {
        self.among_size.load(Ordering::Relaxed) as usize
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.shape.windows().remove(self.bucket, self.id);
    }
}
