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

/// What is kept per window besides its first span, by which it is found.
struct Item {
    second: Option<Span>,
    void: Arc<AtomicU32>,
}

/// One registered window; taken out of its shape when it is dropped.
pub(crate) struct Window {
    shape: Arc<Shape>,
    bucket: u64,
    id: u64,
    /// 0, or the number of who has touched it.
    void: Arc<AtomicU32>,
}

/// One interval per ranged column of the shape.
pub(super) type Spans = SmallVec<[Span; 2]>;

impl Windows {
    pub(super) fn len(&self) -> usize {
        self.count
    }

    fn insert(&mut self, bucket: u64, id: u64, mut spans: Spans, void: Arc<AtomicU32>) {
        let second = if spans.len() > 1 { spans.pop() } else { None };
        let first = spans.pop().unwrap_or(Span::ALL);
        let intervals = self.buckets.entry(bucket).or_insert_with(Intervals::new);
        intervals.insert(id, first, Item { second, void });
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

    /// Makes every window of `bucket` void in which `point` lies, or may lie.
    pub(super) fn touch(&mut self, bucket: u64, point: &Point, author: Author) {
        let Some(intervals) = self.buckets.get(&bucket) else { return };
        let mut found: SmallVec<[u64; 16]> = SmallVec::new();
        let second = point.get(1).and_then(Option::as_ref);
        let mut note = |id: u64, item: &Item| {
            let lies_in = match (&item.second, second) {
                (Some(span), Some(value)) => span.contains(value),
                _ => true,
            };
            if lies_in {
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
        windows.insert(bucket, id, spans, void.clone());
        drop(windows);
        Some(Arc::new(Window { shape: shape.clone(), bucket, id, void }))
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

    /// Leaves only what also lies in `spans`. What has been touched before stays so: until now
    /// the window was wider.
    pub(super) fn narrow(&self, spans: Spans) {
        let mut windows = self.shape.windows();
        if let Some(item) = windows.remove(self.bucket, self.id) {
            windows.insert(self.bucket, self.id, spans, item.void);
        }
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.shape.windows().remove(self.bucket, self.id);
    }
}
