//! The names under which everything stands in Redis, made and read. What they mean is in
//! docs/design/redis-tier.md.

use super::place::{crc16, slot, spread};

/// Into how many shards a Cluster is divided.
const CLUSTER_SHARDS: u16 = 32;

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Value,
    Tag,
    Lease,
    Counter,
    Rate,
    Roll,
}

impl Kind {
    /// Part of every name: the letters may not change while old and new processes share a server.
    fn letter(self) -> u8 {
        match self {
            Kind::Value => b'v',
            Kind::Tag => b't',
            Kind::Lease => b'l',
            Kind::Counter => b'n',
            Kind::Rate => b'r',
            Kind::Roll => b'm',
        }
    }

    fn of(letter: u8) -> Option<Kind> {
        use Kind::{Counter, Lease, Rate, Roll, Tag, Value};
        let all = [Value, Tag, Lease, Counter, Rate, Roll];
        all.into_iter().find(|kind| kind.letter() == letter)
    }

    fn is_watched(self) -> bool {
        matches!(self, Kind::Value | Kind::Tag)
    }
}

/// A part of all names that a Cluster keeps in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Shard(pub(super) u16);

/// The names of one namespace.
#[derive(Debug)]
pub(super) struct Names {
    namespace: String,
    /// The hash tag of each shard.
    shards: Vec<u32>,
}

impl Names {
    pub(super) fn new(namespace: &str, is_cluster: bool) -> Names {
        let shards = if is_cluster { spread(CLUSTER_SHARDS) } else { vec![0] };
        Names { namespace: namespace.to_owned(), shards }
    }

    pub(super) fn shards(&self) -> impl Iterator<Item = Shard> + use<> {
        (0..u16::try_from(self.shards.len()).expect("there are few shards")).map(Shard)
    }

    /// The shard of a key or of a tag: the same in every process, of whatever version.
    pub(super) fn shard(&self, key: &[u8]) -> Shard {
        let count = u16::try_from(self.shards.len()).expect("there are few shards");
        Shard(crc16(key) % count)
    }

    /// The slot of a Cluster in which a shard lies.
    pub(super) fn slot(&self, shard: Shard) -> u16 {
        slot(self.tag(shard).to_string().as_bytes())
    }

    pub(super) fn name(&self, kind: Kind, key: &[u8]) -> Vec<u8> {
        self.in_shard(kind, self.shard(key), key)
    }

    pub(super) fn roll(&self, shard: Shard) -> Vec<u8> {
        self.in_shard(Kind::Roll, shard, b"")
    }

    /// What all watched names begin with.
    pub(super) fn watched(&self) -> String {
        format!("{}:w:", self.namespace)
    }

    /// What the names of a kind begin with, whatever shard they are in, as a pattern of Redis.
    pub(super) fn pattern(&self, kind: Kind, of_key: &[u8]) -> Vec<u8> {
        let part = if kind.is_watched() { 'w' } else { 'u' };
        let letter = char::from(kind.letter());
        let mut pattern = format!("{}:{part}:{{*}}{letter}", self.namespace).into_bytes();
        pattern.extend_from_slice(of_key);
        pattern
    }

    /// The channel on which processes are called.
    pub(super) fn calls(&self) -> String {
        format!("{}:c", self.namespace)
    }

    /// The channel on which a process hears the answers to its calls.
    pub(super) fn answers(&self, process: &str) -> String {
        format!("{}:a:{process}", self.namespace)
    }

    /// What a name is of; nothing if it is none of ours.
    pub(super) fn read<'a>(&self, name: &'a [u8]) -> Option<(Kind, &'a [u8])> {
        let rest = name.strip_prefix(self.namespace.as_bytes())?.strip_prefix(b":")?;
        let (part, rest) = (*rest.first()?, rest.get(1..)?.strip_prefix(b":{")?);
        let end = rest.iter().position(|byte| *byte == b'}')?;
        let (letter, key) = rest.get(end + 1..)?.split_first()?;
        let kind = Kind::of(*letter)?;
        (part == if kind.is_watched() { b'w' } else { b'u' }).then_some((kind, key))
    }

    fn in_shard(&self, kind: Kind, shard: Shard, key: &[u8]) -> Vec<u8> {
        let part = if kind.is_watched() { 'w' } else { 'u' };
        let letter = char::from(kind.letter());
        let tag = self.tag(shard);
        let mut name = Vec::with_capacity(self.namespace.len() + 16 + key.len());
        name.extend_from_slice(self.namespace.as_bytes());
        name.extend_from_slice(format!(":{part}:{{{tag}}}{letter}").as_bytes());
        name.extend_from_slice(key);
        name
    }

    fn tag(&self, shard: Shard) -> u32 {
        self.shards.get(usize::from(shard.0)).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_were_made() {
        for names in [Names::new("app", false), Names::new("app", true)] {
            let keys: [&[u8]; 6] = [b"", b"a", b"{x}", b"}v", b"\0\xff\r\n", b"app:w:{0}vq"];
            for key in keys {
                for kind in [Kind::Value, Kind::Tag, Kind::Lease, Kind::Counter, Kind::Rate] {
                    let name = names.name(kind, key);
                    assert_eq!(names.read(&name), Some((kind, key)));
                    let watched = name.starts_with(names.watched().as_bytes());
                    assert_eq!(watched, kind.is_watched());
                }
            }
        }
    }

    #[test]
    fn what_is_not_ours_is_not_read() {
        let names = Names::new("app", false);
        let check = |name: &[u8]| assert_eq!(names.read(name), None, "{name:?}");
        for name in ["", "app", "app:", "app:w", "app:w:", "app:w:{", "app:w:{0", "app:w:{0}"] {
            check(name.as_bytes());
        }
        check(b"app:u:{0}va");
        check(b"app:w:{0}la");
        check(b"app:w:{0}xa");
        check(b"apple:w:{0}va");
        check(b"\xff\xfe");
    }

    /// What the slot of a name is by the rule of a Cluster: of the text in its first braces.
    #[test]
    fn all_names_of_a_shard_lie_in_its_slot() {
        let names = Names::new("app", true);
        for key in [&b"a"[..], b"{b}", b"}{", b""] {
            let shard = names.shard(key);
            for name in [names.name(Kind::Value, key), names.name(Kind::Lease, key)] {
                let open = name.iter().position(|byte| *byte == b'{').unwrap();
                let close = name.iter().position(|byte| *byte == b'}').unwrap();
                assert_eq!(slot(&name[open + 1..close]), names.slot(shard));
            }
        }
    }
}
