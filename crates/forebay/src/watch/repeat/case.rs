//! What is known of one repeated statement, over all scopes: where its keys come from, and what it
//! has cost. Each origin of its keys is a strand. It asks no schema: what connects columns is said
//! to it.

use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use smallvec::SmallVec;

use super::suspicion::{Candidate, Suspicion, What};
use super::tally::Tally;
use super::told::{Action, Sample};
use crate::sql::Role;
use crate::watch::Record;

/// Origins of keys that are told apart; further ones count to the last.
const STRANDS_MAX: usize = 16;

/// Connections that are remembered.
const LINKS_MAX: usize = 64;

/// Names of scopes that are remembered of one strand.
const ENTRIES_MAX: usize = 4;

/// Scopes in which keys came from one column without being connected with it, after which they are
/// taken to be.
const SCOPES_PROVING: usize = 3;

/// One repeated statement.
#[derive(Debug)]
pub(crate) struct Case {
    pub(super) record: Arc<Record>,
    pub(crate) sample: Sample,
    pub(super) action: Action,
    pub(super) caller: &'static Location<'static>,
    /// What each of its operands is there for.
    pub(super) roles: Box<[Role]>,
    state: Mutex<State>,
}

/// A column of an earlier answer, and the operand that has its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) source: u64,
    pub(crate) column: u16,
    pub(crate) slot: u8,
}

/// How the column of an origin and the one that the operand is compared with are connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// By keys.
    Linked(Ends),
    /// Not that the schema says.
    Unlinked(Option<Ends>),
}

/// Both columns, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) from: Box<str>,
    pub(crate) to: Box<str>,
    /// The name of the latter alone, and where it is among the result columns.
    pub(crate) column: Box<str>,
    pub(crate) is_answered: bool,
    /// It tells rows apart.
    pub(crate) is_unique: bool,
    /// The rows of the statement are those of its tables, one for one.
    pub(crate) is_plain: bool,
}

/// Where a suspicion belongs.
pub(super) struct Placed {
    pub(super) strand: usize,
    /// The schema has to be asked about it.
    pub(super) has_to_ask: bool,
    /// Nobody has been told of it.
    pub(super) is_news: bool,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) links: Vec<(Origin, Link)>,
    pub(super) strands: Vec<Strand>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Writes,
    Duplicate,
    /// What varies is no key: a page, a bound, a list.
    Harmless,
    /// From nowhere that is known.
    Nowhere,
    From(Origin),
}

#[derive(Debug)]
pub(super) struct Strand {
    pub(super) place: Place,
    /// The statement that answered the keys.
    pub(super) source: Option<Arc<Record>>,
    /// Where the keys may come from, while it is not known which column they are connected with.
    pub(super) candidates: SmallVec<[Candidate; 2]>,
    pub(super) tally: Tally,
    pub(super) scopes: u64,
    /// The most executions and the most different parameters in one scope.
    pub(super) most: u64,
    pub(super) distinct: usize,
    pub(super) entries: SmallVec<[Box<str>; 1]>,
    /// Different sets of keys that each came from all of one column.
    sets: SmallVec<[u32; SCOPES_PROVING]>,
    pub(super) is_announced: bool,
    /// It has become part of this one.
    into: Option<usize>,
}

impl Case {
    pub(super) fn new(suspicion: &Suspicion<'_>, roles: Box<[Role]>) -> Case {
        Case {
            record: suspicion.record.clone(),
            sample: suspicion.sample.clone(),
            action: suspicion.action,
            caller: suspicion.caller,
            roles,
            state: Mutex::default(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a suspicion belongs.
    pub(super) fn place(&self, suspicion: &Suspicion<'_>) -> Placed {
        let mut state = self.state();
        let (place, candidates, has_to_ask) = match &suspicion.what {
            What::Writes => (Place::Writes, SmallVec::new(), false),
            What::Duplicate => (Place::Duplicate, SmallVec::new(), false),
            What::Repeats { varying, .. } if !varying.iter().any(|slot| self.may_be_key(*slot)) => {
                (Place::Harmless, SmallVec::new(), false)
            }
            What::Repeats { candidates, .. } => {
                let fit = |it: &&Candidate| self.may_be_key(it.origin.slot);
                let candidates: SmallVec<[Candidate; 2]> =
                    candidates.iter().filter(fit).cloned().collect();
                state.choose(&candidates)
            }
        };
        let at = state.strand(place);
        let strand = &mut state.strands[at];
        strand.distinct = strand.distinct.max(suspicion.distinct);
        let candidate = of_place(place, &candidates);
        if let Some(candidate) = candidate {
            strand.source = Some(candidate.source.clone());
        }
        if let Some(set) = candidate.and_then(|candidate| candidate.set)
            && strand.sets.len() < SCOPES_PROVING
            && !strand.sets.contains(&set)
        {
            strand.sets.push(set);
        }
        let is_news = !strand.is_announced && place != Place::Harmless;
        strand.candidates = if has_to_ask { candidates } else { SmallVec::new() };
        Placed { strand: at, has_to_ask, is_news }
    }

    /// Whether an operand may be a key by which rows are found.
    pub(super) fn may_be_key(&self, slot: u8) -> bool {
        match self.roles.get(usize::from(slot)) {
            Some(Role::Equal | Role::Other) => true,
            Some(Role::List | Role::Range | Role::Page | Role::Pattern) => false,
            None => self.roles.is_empty(),
        }
    }

    /// A scope belongs to a strand with what it has run so far.
    pub(super) fn join(&self, strand: usize, tally: &Tally, entry: &str) {
        let mut state = self.state();
        let strand = state.at(strand);
        strand.tally.add(tally);
        strand.scopes += 1;
        strand.most = strand.most.max(tally.executions);
        if strand.entries.len() < ENTRIES_MAX && !strand.entries.iter().any(|it| **it == *entry) {
            strand.entries.push(entry.into());
        }
    }

    /// A scope belongs to another strand, as turns out.
    pub(super) fn leave(&self, strand: usize, tally: &Tally) {
        let mut state = self.state();
        let strand = state.at(strand);
        strand.tally.take_back(tally);
        strand.scopes = strand.scopes.saturating_sub(1);
    }

    /// One more execution in a scope that has joined.
    pub(super) fn count(&self, strand: usize, one: &Tally, in_scope: u64) {
        let mut state = self.state();
        let strand = state.at(strand);
        strand.tally.add(one);
        strand.most = strand.most.max(in_scope);
    }

    /// The strand that most belongs to.
    pub(super) fn main(&self) -> Option<usize> {
        let state = self.state();
        let own = state.strands.iter().enumerate().filter(|(_, it)| it.into.is_none());
        own.max_by_key(|(_, it)| it.tally.executions).map(|(at, _)| at)
    }

    /// Columns that its keys may come from, of which nothing is known.
    pub(crate) fn questions(&self) -> Vec<Candidate> {
        let state = self.state();
        let all = state.strands.iter().flat_map(|strand| &strand.candidates);
        let open = all.filter(|it| state.link(it.origin).is_none());
        let mut questions: Vec<Candidate> = Vec::new();
        for candidate in open {
            if !questions.iter().any(|it| it.origin == candidate.origin) {
                questions.push(candidate.clone());
            }
        }
        questions
    }

    /// Takes in what the schema says, and puts every strand where it belongs.
    pub(crate) fn learn(&self, answers: Vec<(Origin, Link)>) {
        let mut state = self.state();
        for (origin, link) in answers {
            state.links.retain(|(known, _)| *known != origin);
            if state.links.len() >= LINKS_MAX {
                state.links.remove(0);
            }
            state.links.push((origin, link));
        }
        for at in 0..state.strands.len() {
            let candidates = std::mem::take(&mut state.strands[at].candidates);
            if candidates.is_empty() || state.strands[at].into.is_some() {
                continue;
            }
            let (place, candidates, _) = state.choose(&candidates);
            state.turn(at, place, &candidates);
        }
    }

    /// What is known of connections may be wrong: the schema has changed.
    pub(super) fn forget_links(&self) {
        self.state().links.clear();
    }

    /// The number of its fingerprint.
    pub(crate) fn id(&self) -> u64 {
        self.record.id()
    }
}

impl State {
    pub(super) fn link(&self, origin: Origin) -> Option<&Link> {
        self.links.iter().find(|(known, _)| *known == origin).map(|(_, link)| link)
    }

    /// The origin that counts: one that is connected, else one of which that is not known, else the
    /// first.
    fn choose(&self, all: &[Candidate]) -> (Place, SmallVec<[Candidate; 2]>, bool) {
        let is_linked = |it: &&Candidate| matches!(self.link(it.origin), Some(Link::Linked(_)));
        let is_open = |it: &&Candidate| self.link(it.origin).is_none();
        let linked = all.iter().find(is_linked);
        let open = all.iter().find(is_open);
        let chosen = linked.or(open).or(all.first());
        let place = chosen.map_or(Place::Nowhere, |it| Place::From(it.origin));
        (place, all.iter().cloned().collect(), linked.is_none() && open.is_some())
    }

    /// The strand of this place.
    fn strand(&mut self, place: Place) -> usize {
        let known = self.strands.iter().position(|it| it.place == place && it.into.is_none());
        if let Some(at) = known {
            return at;
        }
        if self.strands.len() >= STRANDS_MAX {
            return self.follow(STRANDS_MAX - 1);
        }
        self.strands.push(Strand::new(place));
        self.strands.len() - 1
    }

    /// Gives a strand its place; one that is there already takes it up.
    fn turn(&mut self, at: usize, place: Place, candidates: &[Candidate]) {
        let candidate = of_place(place, candidates);
        let other = self.strands.iter().position(|it| it.place == place && it.into.is_none());
        match other.filter(|other| *other != at) {
            Some(other) => {
                let Strand { tally, scopes, most, distinct, entries, .. } =
                    std::mem::replace(&mut self.strands[at], Strand::new(place));
                self.strands[at].into = Some(other);
                let into = &mut self.strands[other];
                into.tally.add(&tally);
                into.scopes += scopes;
                into.most = into.most.max(most);
                into.distinct = into.distinct.max(distinct);
                let room = ENTRIES_MAX.saturating_sub(into.entries.len());
                let new: Vec<_> =
                    entries.into_iter().filter(|it| !into.entries.contains(it)).collect();
                into.entries.extend(new.into_iter().take(room));
            }
            None if self.strands[at].place != place => {
                let strand = &mut self.strands[at];
                strand.place = place;
                strand.source = candidate.map(|candidate| candidate.source.clone());
                strand.sets = candidate.and_then(|candidate| candidate.set).into_iter().collect();
            }
            None => {}
        }
    }

    fn follow(&self, at: usize) -> usize {
        let mut at = at;
        while let Some(into) = self.strands[at].into {
            at = into;
        }
        at
    }

    fn at(&mut self, at: usize) -> &mut Strand {
        let at = self.follow(at);
        &mut self.strands[at]
    }
}

/// The candidate that a place is.
fn of_place(place: Place, candidates: &[Candidate]) -> Option<&Candidate> {
    match place {
        Place::From(origin) => candidates.iter().find(|it| it.origin == origin),
        _ => None,
    }
}

impl Strand {
    fn new(place: Place) -> Strand {
        Strand {
            place,
            source: None,
            candidates: SmallVec::new(),
            tally: Tally::default(),
            scopes: 0,
            most: 0,
            distinct: 0,
            entries: SmallVec::new(),
            sets: SmallVec::new(),
            is_announced: false,
            into: None,
        }
    }

    /// Whether it has not become part of another one.
    pub(super) fn is_own(&self) -> bool {
        self.into.is_none()
    }

    /// Whether keys came from one column in so many scopes, each time other ones, that chance is
    /// out of the question.
    pub(super) fn is_beyond_chance(&self) -> bool {
        self.sets.len() >= SCOPES_PROVING
    }
}
