//! A 64-bit digest that is the same in every run, version and platform: XXH64 with seed 0, so
//! that other tools can compute it too. It does not resist an attacker who wants two texts to
//! collide; nothing may be answered by it alone.

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// The XXH64 digest of `bytes`.
pub(crate) fn digest(bytes: &[u8]) -> u64 {
    let (stripes, rest) = bytes.as_chunks::<32>();
    let mut hash = if stripes.is_empty() { P5 } else { lanes(stripes) };
    hash = hash.wrapping_add(bytes.len() as u64);
    let (words, rest) = rest.as_chunks::<8>();
    for word in words {
        hash ^= round(0, u64::from_le_bytes(*word));
        hash = hash.rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let (halves, rest) = rest.as_chunks::<4>();
    for half in halves {
        hash ^= u64::from(u32::from_le_bytes(*half)).wrapping_mul(P1);
        hash = hash.rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
    }
    for byte in rest {
        hash ^= u64::from(*byte).wrapping_mul(P5);
        hash = hash.rotate_left(11).wrapping_mul(P1);
    }
    hash ^= hash >> 33;
    hash = hash.wrapping_mul(P2);
    hash ^= hash >> 29;
    hash = hash.wrapping_mul(P3);
    hash ^ hash >> 32
}

fn lanes(stripes: &[[u8; 32]]) -> u64 {
    let mut lanes = [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)];
    for stripe in stripes {
        for (lane, word) in lanes.iter_mut().zip(stripe.as_chunks::<8>().0) {
            *lane = round(*lane, u64::from_le_bytes(*word));
        }
    }
    let [a, b, c, d] = lanes;
    let hash = a
        .rotate_left(1)
        .wrapping_add(b.rotate_left(7))
        .wrapping_add(c.rotate_left(12))
        .wrapping_add(d.rotate_left(18));
    lanes.iter().fold(hash, |hash, lane| (hash ^ round(0, *lane)).wrapping_mul(P1).wrapping_add(P4))
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

#[cfg(test)]
mod tests {
    use super::digest;

    /// The values come from the reference implementation (`xxhsum -H64`).
    #[test]
    fn reference_values() {
        fn check(bytes: &[u8], expect: u64) {
            assert_eq!(digest(bytes), expect, "{bytes:?}");
        }
        check(b"", 0xEF46_DB37_51D8_E999);
        check(b"a", 0xD24E_C4F1_A98C_6E5B);
        check(b"abc", 0x44BC_2CF5_AD77_0999);
        check(b"Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1);
        let all: Vec<u8> = (0..=255).collect();
        check(&all[..31], 0xC346_D2B5_9B4D_8EE1);
        check(&all[..101], 0xE990_3849_5F85_381E);
        check(&all, 0x1FAC_BE84_06CD_904B);
    }
}
