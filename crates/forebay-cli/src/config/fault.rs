//! What is wrong with a configuration: all of it at once, in the order of where it stands.

use std::fmt;

use super::given::Origin;

/// One thing that is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    origin: Option<Origin>,
    text: String,
}

impl Fault {
    pub(crate) fn new(origin: Origin, text: impl Into<String>) -> Fault {
        Fault { origin: Some(origin), text: text.into() }
    }

    /// Of what does not go together, wherever it stands.
    pub(crate) fn of_all(text: impl Into<String>) -> Fault {
        Fault { origin: None, text: text.into() }
    }

    fn rank(&self) -> (u8, usize) {
        match &self.origin {
            Some(Origin::Default | Origin::Profile(_)) => (0, 0),
            Some(Origin::File(_, line)) => (1, *line),
            Some(Origin::Variable(_)) => (2, 0),
            Some(Origin::Flag(_)) => (3, 0),
            None => (4, 0),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Everything that is wrong, a line each.
#[derive(Clone, Debug)]
pub(crate) struct Faults(Vec<Fault>);

impl Faults {
    /// `None` if there is nothing.
    pub(crate) fn of(mut all: Vec<Fault>) -> Option<Faults> {
        all.sort_by_key(Fault::rank);
        (!all.is_empty()).then_some(Faults(all))
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            [one] => write!(f, "the configuration has a fault\n  {one}"),
            all => {
                write!(f, "the configuration has {} faults", all.len())?;
                all.iter().try_for_each(|fault| write!(f, "\n  {fault}"))
            }
        }
    }
}

impl std::error::Error for Faults {}

/// The name that somebody who has written `wrong` is likely to have meant.
pub(super) fn nearest<'a>(
    wrong: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(wrong, name);
    let best = names.into_iter().min_by_key(distance)?;
    // A third of the letters may differ; what differs more is another word.
    (distance(&best) <= (wrong.len() / 3).max(2)).then_some(best)
}
