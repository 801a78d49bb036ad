//! Whether an index saves enough to be worth what it takes. One that helps a statement may still be
//! nothing that anybody would notice.

/// An index that takes less is told even if it saves next to nothing: it costs next to nothing.
const SMALL: u64 = 1 << 20;

/// A larger one has to save this share of what the statements take.
const SHARE_MIN: f64 = 0.001;

/// Why an index of so many bytes is not worth having, if it saves `saved` of the `total` that all
/// statements take in which it could help. `None` if it is.
pub(super) fn too_little(saved: f64, total: f64, bytes: u64) -> Option<String> {
    let is_minor = bytes > SMALL && total > 0.0 && saved < total * SHARE_MIN;
    is_minor.then(|| {
        let percent = 100.0 * saved.max(0.0) / total;
        let mib = bytes >> 20;
        format!("it would save {percent:.2} % of the time that statements take, for {mib} MiB")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_would_notice_is_not_worth_much() {
        let check = |saved, total, bytes, expect: Option<&str>| {
            assert_eq!(too_little(saved, total, bytes).as_deref(), expect, "{saved} of {total}");
        };
        check(0.03, 87.0, SMALL, None);
        let text = "it would save 0.03 % of the time that statements take, for 6 MiB";
        check(0.03, 87.0, 6 * SMALL, Some(text));
        check(0.1, 87.0, 6 * SMALL, None);
        let text = "it would save 0.00 % of the time that statements take, for 2 MiB";
        check(-1.0, 87.0, 2 * SMALL, Some(text));
        check(0.0, 0.0, 6 * SMALL, None);
        check(-1.0, 0.0, 6 * SMALL, None);
    }
}
