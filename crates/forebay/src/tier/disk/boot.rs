//! Which run of the operating system this is. What the kernel has taken over survives the death
//! of a process, but not a loss of power, and this tells the two apart.

/// The id of this run; none where the system has none to give, and nothing is known then.
pub(super) fn id() -> Option<[u8; 16]> {
    parse(&std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?)
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b'-').collect();
    if digits.len() != 32 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let text = std::str::from_utf8(&digits).ok()?;
    u128::from_str_radix(text, 16).ok().filter(|id| *id != 0).map(u128::to_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_id_counts() {
        let check = |text: &str, expect: bool| assert_eq!(parse(text).is_some(), expect, "{text}");
        check("0d9b1a52-6a0c-4e0e-8f5f-1d2c3b4a5968\n", true);
        check("0d9b1a526a0c4e0e8f5f1d2c3b4a5968", true);
        check("0d9b1a52-6a0c-4e0e-8f5f-1d2c3b4a596", false);
        check("00000000-0000-0000-0000-000000000000", false);
        check("+d9b1a526a0c4e0e8f5f1d2c3b4a5968", false);
        check("", false);
    }
}
