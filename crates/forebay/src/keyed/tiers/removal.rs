//! Removing from the tiers, and waiting until that is acknowledged.

use super::super::core::Reach;
use super::super::key::Key;
use super::super::space::Space;
use super::Disk;
use super::below::Below;
use super::name::literally;
use crate::error::{Error, Kind, Result};
use crate::glob::Glob;

impl Below {
    /// Removes what is under a key. Whether Redis had something.
    pub(crate) async fn remove(&self, key: &Key) -> Result<bool> {
        let name = self.name(key);
        match (&self.redis, &self.disk) {
            // What the disk has of it rests on what is heard from Redis.
            (Some(redis), _) => self.heard(redis.remove(&name).await),
            (None, Some(disk)) => self.gone(disk.remove(&name).await).map(|()| false),
            (None, None) => Ok(false),
        }
    }

    /// Removes what Redis has under a key whose new value may not go there. What is not
    /// acknowledged is counted.
    pub(crate) async fn remove_older(&self, key: &Key) {
        let Some(redis) = &self.redis else { return };
        let name = self.name(key);
        let there = redis.get_many(&[&name]).await;
        if there.iter().any(Option::is_some) {
            let _ = self.heard(redis.remove(&name).await);
        }
    }

    /// Removes all that is meant. How many of them Redis had.
    pub(crate) async fn remove_all(&self, reach: &Reach<'_>) -> Result<u64> {
        if let Some(redis) = &self.redis {
            let pattern = match reach {
                Reach::Matching(space, glob) => {
                    [literally(&self.names.keys(space)), glob.text()].concat()
                }
                Reach::Within(space) => {
                    [literally(&self.names.space(space)), b"*".to_vec()].concat()
                }
            };
            return self.heard(redis.remove_matching(&pattern).await);
        }
        let Some(disk) = &self.disk else { return Ok(0) };
        let done = match reach {
            Reach::Matching(space, glob) => {
                let (prefix, glob): (Vec<u8>, Glob) = (self.names.keys(space), glob.clone());
                let matches = move |name: &[u8]| {
                    name.strip_prefix(&prefix[..]).is_some_and(|key| glob.matches(key))
                };
                disk.remove_matching(matches).await
            }
            Reach::Within(space) => self.clear(disk, space).await,
        };
        self.gone(done).map(|()| 0)
    }

    /// The numbers of the tags go as well, so that what rests on them is untrue.
    async fn clear(&self, disk: &Disk, space: &Space) -> bool {
        let prefix = self.names.space(space);
        disk.remove_matching(move |name: &[u8]| name.starts_with(&prefix)).await
    }

    /// Makes untrue what has a tag.
    pub(crate) async fn raise(&self, space: &Space, tag: &[u8]) -> Result<()> {
        let name = self.names.tag(space, tag);
        match (&self.redis, &self.disk) {
            (Some(redis), _) => {
                let any = self.names.any(space);
                self.heard(redis.raise(&[&any, &name]).await)
            }
            (None, Some(disk)) => self.gone(disk.remove(&name).await),
            (None, None) => Ok(()),
        }
    }

    pub(super) fn heard<T>(&self, done: Result<T>) -> Result<T> {
        self.in_redis.unacknowledged.add(u64::from(done.is_err()));
        done
    }

    fn gone(&self, is_done: bool) -> Result<()> {
        self.on_disk.unacknowledged.add(u64::from(!is_done));
        if is_done {
            return Ok(());
        }
        let text = "a removal from the disk tier is not acknowledged, so that a later process may \
                    still find it: look at the health of the disk, and repeat it";
        Err(Error::new(Kind::Lost, text))
    }
}
