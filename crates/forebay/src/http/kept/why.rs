//! Why an answer is not kept, or not looked for: one word for each reason, for counters and for
//! the header field `Cache-Status`.

/// The reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    // Of the request.
    Method,
    Body,
    Range,
    Condition,
    AskedAnew,
    // Of the answer.
    Status,
    NoStore,
    Private,
    NotFresh,
    SetCookie,
    Credentials,
    Vary,
    Head,
    Streamed,
    TooLarge,
    // Of what was read to make it.
    Doubt,
    NoQueries,
    /// What others of its kind were a moment ago.
    Known,
    Failed,
}

impl Why {
    pub(super) const ALL: [Why; 19] = [
        Why::Method,
        Why::Body,
        Why::Range,
        Why::Condition,
        Why::AskedAnew,
        Why::Status,
        Why::NoStore,
        Why::Private,
        Why::NotFresh,
        Why::SetCookie,
        Why::Credentials,
        Why::Vary,
        Why::Head,
        Why::Streamed,
        Why::TooLarge,
        Why::Doubt,
        Why::NoQueries,
        Why::Known,
        Why::Failed,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Why::Method => "method",
            Why::Body => "request_body",
            Why::Range => "range",
            Why::Condition => "condition",
            Why::AskedAnew => "asked_anew",
            Why::Status => "status",
            Why::NoStore => "no_store",
            Why::Private => "private",
            Why::NotFresh => "not_fresh",
            Why::SetCookie => "set_cookie",
            Why::Credentials => "credentials",
            Why::Vary => "vary",
            Why::Head => "head",
            Why::Streamed => "streamed",
            Why::TooLarge => "too_large",
            Why::Doubt => "doubt",
            Why::NoQueries => "no_queries",
            Why::Known => "known",
            Why::Failed => "failed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_in_the_order_of_their_numbers() {
        for (at, why) in Why::ALL.iter().enumerate() {
            assert_eq!(*why as usize, at);
        }
    }
}
