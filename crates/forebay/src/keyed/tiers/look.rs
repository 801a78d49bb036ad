//! Looking up what the tiers have: the disk, then Redis. Whatever is not a record of ours, not of
//! the type that is asked for, expired or of a deleted tag is a miss.

use std::time::Duration;

use super::super::codec::is_count;
use super::super::core::Wanted;
use super::super::kept::Content;
use super::super::key::Key;
use super::super::known::Known;
use super::super::record::{Record, Since, stamped, unstamped};
use super::super::tags::{Slots, slots_of};
use super::below::{Below, OnDisk};
use super::number::borrowed;
use super::tally::TierTally;
use super::{Disk, Redis, RedisTicket, Stamp};

/// What is asked for, and what is known of changes by others since before it was.
pub(crate) struct Asked {
    pub(crate) key: Key,
    pub(crate) name: Vec<u8>,
    pub(crate) known: Known,
}

/// What has come up from a tier.
pub(crate) struct Risen {
    pub(crate) content: Content,
    /// How long it is fresh, and was to be; `Duration::MAX` for ever.
    pub(crate) left: Duration,
    pub(crate) ttl: Duration,
    pub(crate) took: Duration,
    pub(crate) slots: Slots,
    /// What shows that the copy is still true.
    pub(crate) known: Known,
    pub(crate) on_disk: OnDisk,
}

/// Bytes of a tier, by the place of what was asked for, and what is known of this copy of them.
struct Found {
    at: usize,
    bytes: Vec<u8>,
    /// `None`: rests on the numbers of its tags, and on what is known to the one who asks.
    ticket: Option<(Since, RedisTicket)>,
}

/// Why bytes are nothing to somebody.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unfit {
    Undecodable,
    /// Expired, or "there is none" to somebody who wants a value.
    Over,
}

impl Below {
    pub(crate) fn asked(&self, key: &Key, known: Known) -> Asked {
        Asked { key: key.clone(), name: self.name(key), known }
    }

    /// What the tiers have under keys, by their places.
    pub(crate) async fn look(&self, asked: &[Asked], wanted: Wanted) -> Vec<Option<Risen>> {
        let mut risen: Vec<Option<Risen>> = asked.iter().map(|_| None).collect();
        if let Some(disk) = &self.disk {
            let found = self.on_disk(disk, asked).await;
            self.sift(&self.on_disk, asked, wanted, found, &mut risen).await;
        }
        let missing: Vec<usize> = (0..asked.len()).filter(|at| risen[*at].is_none()).collect();
        if let Some(redis) = &self.redis
            && !missing.is_empty()
        {
            let names: Vec<&[u8]> = missing.iter().map(|at| &*asked[*at].name).collect();
            let values = redis.get_many(&names).await;
            let found = missing.into_iter().zip(values);
            let found = found
                .filter_map(|(at, bytes)| Some(Found { at, bytes: bytes?, ticket: None }))
                .collect();
            self.sift(&self.in_redis, asked, wanted, found, &mut risen).await;
            self.count_up(redis, asked, wanted, &mut risen).await;
        }
        risen
    }

    /// What the disk has. Beside Redis it is believed only as far as everything was heard that
    /// others have changed since.
    async fn on_disk(&self, disk: &Disk, asked: &[Asked]) -> Vec<Found> {
        let names: Vec<&[u8]> = asked.iter().map(|asked| &*asked.name).collect();
        let values = disk.get_many(&names).await.into_iter().enumerate();
        let values = values.filter_map(|(at, bytes)| Some((at, bytes?)));
        let Some(redis) = &self.redis else {
            return values.map(|(at, bytes)| Found { at, bytes, ticket: None }).collect();
        };
        let heard = |(at, bytes): (usize, Vec<u8>)| {
            let (since, record) = unstamped(&bytes)?;
            let tags = Record::read(record)?.tags;
            let tags: Vec<Box<[u8]>> = tags.into_iter().map(|numbered| numbered.tag).collect();
            let names = self.tag_names(&asked[at].key.space, &tags);
            let Since { run, epoch, number } = since;
            let stamp = Stamp { run, epoch, number };
            let ticket = redis.ticket_of(stamp, &asked[at].name, &borrowed(&names))?;
            let is_true = ticket.is_true();
            is_true.then(|| Found { at, bytes: record.to_vec(), ticket: Some((since, ticket)) })
        };
        values.filter_map(heard).collect()
    }

    /// Takes what is fresh and wanted of what was found in a tier.
    async fn sift(
        &self,
        tally: &TierTally,
        asked: &[Asked],
        wanted: Wanted,
        found: Vec<Found>,
        risen: &mut [Option<Risen>],
    ) {
        let missing = risen.iter().filter(|risen| risen.is_none()).count();
        let mut records = Vec::with_capacity(found.len());
        let mut names = Vec::new();
        for found in &found {
            match self.open(&found.bytes, &asked[found.at].key, wanted) {
                Ok(record) => {
                    if found.ticket.is_none() {
                        let space = &asked[found.at].key.space;
                        let tags = record.tags.iter();
                        names.extend(tags.flat_map(|tag| self.names.tags(space, &tag.tag)));
                    }
                    records.push((found, record));
                }
                Err(unfit) => tally.undecodable.add(u64::from(unfit == Unfit::Undecodable)),
            }
        }
        let mut numbers = self.numbers(&names).await.into_iter();
        let mut hits = 0;
        for (found, record) in records {
            let made = record.tags.iter().flat_map(|tag| &tag.numbers);
            let is_true = found.ticket.is_some()
                || made.fold(true, |all, made| (numbers.next().flatten() == Some(*made)) & all);
            if !is_true {
                continue;
            }
            match self.lift(&asked[found.at], found, &record, wanted) {
                Some(up) => {
                    hits += 1;
                    risen[found.at] = Some(up);
                }
                None => tally.undecodable.add(1),
            }
        }
        tally.hits.add(hits);
        tally.misses.add(missing as u64 - hits);
    }

    /// The record that bytes are, if it is one for somebody who wants such a value under this key.
    fn open<'a>(&self, bytes: &'a [u8], key: &Key, wanted: Wanted) -> Result<Record<'a>, Unfit> {
        let record = Record::read(bytes).ok_or(Unfit::Undecodable)?;
        let levels = key.space.around().count();
        let is_whole = record.tags.iter().all(|tag| tag.numbers.len() == levels);
        if !self.is_of_ours(&record) || record.kind != wanted.codec.digest() || !is_whole {
            return Err(Unfit::Undecodable);
        }
        let is_wanted = record.payload.is_some() || wanted.takes_nothing;
        if record.expires_ms <= self.now_ms() || !is_wanted {
            return Err(Unfit::Over);
        }
        Ok(record)
    }

    fn lift(
        &self,
        asked: &Asked,
        found: &Found,
        record: &Record<'_>,
        wanted: Wanted,
    ) -> Option<Risen> {
        let content = match record.payload {
            Some(payload) => wanted.codec.read(payload)?,
            None => wanted.codec.nothing(),
        };
        let space = &asked.key.space;
        let slots = record.tags.iter().flat_map(|tag| slots_of(space, &tag.tag)).collect();
        // A clock that was set back does not make it last for longer than it was to.
        let left = record.expires_ms.saturating_sub(self.now_ms()).min(record.ttl_ms);
        let left = if record.expires_ms == u64::MAX { u64::MAX } else { left };
        let [left, ttl] = [left, record.ttl_ms].map(|ms| match ms {
            u64::MAX => Duration::MAX,
            ms => Duration::from_millis(ms),
        });
        let tags: Vec<Box<[u8]>> = record.tags.iter().map(|tag| tag.tag.clone()).collect();
        let known = match &found.ticket {
            Some((_, ticket)) => Known::By(ticket.clone()),
            None => asked.known.for_other(&asked.name, &self.tag_names(space, &tags)),
        };
        let on_disk = match (&found.ticket, known.since()) {
            (None, Some(Stamp { run, epoch, number })) => {
                OnDisk::Put(stamped(Since { run, epoch, number }, &found.bytes), left)
            }
            _ => OnDisk::Leave,
        };
        let took = Duration::from_micros(record.took_us);
        Some(Risen { content, left, ttl, took, slots, known, on_disk })
    }

    /// Numbers that are counted in Redis are no records, and are not kept in memory.
    async fn count_up(
        &self,
        redis: &Redis,
        asked: &[Asked],
        wanted: Wanted,
        risen: &mut [Option<Risen>],
    ) {
        if !is_count(wanted.kind) {
            return;
        }
        for (asked, risen) in asked.iter().zip(risen) {
            if risen.is_some() {
                continue;
            }
            let Some(count) = redis.counter(&asked.name).await else { continue };
            self.in_redis.hits.add(1);
            *risen = Some(Risen {
                content: Content::number(count),
                left: Duration::MAX,
                ttl: Duration::MAX,
                took: Duration::ZERO,
                slots: Slots::new(),
                known: Known::Deaf,
                on_disk: OnDisk::Leave,
            });
        }
    }
}
