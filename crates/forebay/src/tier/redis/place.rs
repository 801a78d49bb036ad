//! Where a Cluster keeps a name: the slot of a hash tag, and texts whose slots are spread evenly.

/// How many slots a Cluster has.
const SLOTS: u16 = 16_384;

/// The slot of a hash tag, which stands for the whole name.
pub(super) fn slot(tag: &[u8]) -> u16 {
    crc16(tag) % SLOTS
}

/// The smallest numbers whose slots lie in equal parts of all slots, one for each part.
pub(super) fn spread(parts: u16) -> Vec<u32> {
    let width = SLOTS / parts;
    let one = |part: u16| {
        let is_in = |number: &u32| slot(number.to_string().as_bytes()) / width == part;
        (0..).find(is_in).expect("every slot belongs to some number")
    };
    (0..parts).map(one).collect()
}

/// CRC-16/XMODEM, as the specification of Redis Cluster has it.
pub(super) fn crc16(bytes: &[u8]) -> u16 {
    const POLYNOMIAL: u16 = 0x1021;
    bytes.iter().fold(0, |crc, byte| {
        let mut crc = crc ^ (u16::from(*byte) << 8);
        for _ in 0..8 {
            crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ POLYNOMIAL };
        }
        crc
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        let check = |tag: &str, expect: u16| assert_eq!(slot(tag.as_bytes()), expect, "{tag}");
        assert_eq!(crc16(b"123456789"), 0x31c3);
        check("foo", 12_182);
        check("user1000", 3_443);
        check("", 0);
    }

    #[test]
    fn parts_are_equal() {
        for parts in [1, 2, 32] {
            let slots = spread(parts).into_iter().map(|n| slot(n.to_string().as_bytes()));
            let found: Vec<u16> = slots.map(|slot| slot / (SLOTS / parts)).collect();
            assert_eq!(found, (0..parts).collect::<Vec<_>>());
        }
    }
}
