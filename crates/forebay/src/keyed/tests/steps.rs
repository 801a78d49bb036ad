//! A model of deletions beside lookups and loads, small enough that every order of their steps can
//! be tried. It is of the design, not of the code: `order` forces the same upon that.

use std::collections::HashSet;

/// What stands somewhere: what was true before the deletion, or after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Value {
    Old,
    New,
}

/// What a fault leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// The flights and memory are not emptied before the tier is.
    FirstTakeOut,
    /// They are not emptied again after it.
    SecondTakeOut,
    /// A load does not look whether its flight is still registered.
    Registration,
    /// It looks, but stores in a step of its own.
    Lock,
    /// A lookup does not look whether something has changed meanwhile.
    Count,
}

/// Somebody who looks into the tier and loads what is not there, in a flight that others may join.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Load {
    step: u8,
    found: Option<Value>,
    is_loaded: bool,
    may_store: bool,
}

/// Somebody who only looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
struct Lookup {
    step: u8,
    count: u8,
    found: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    truth: Value,
    memory: Option<Value>,
    tier: Option<Value>,
    /// Which load is registered.
    flight: Option<usize>,
    count: u8,
    loads: [Load; 2],
    lookup: Lookup,
    deletion: u8,
    evictions: u8,
}

/// The deletion is acknowledged after so many steps.
const ACKNOWLEDGED: u8 = 4;

impl World {
    fn new(tier: Option<Value>) -> World {
        World {
            truth: Value::Old,
            memory: tier,
            tier,
            flight: None,
            count: 0,
            loads: Default::default(),
            lookup: Lookup::default(),
            deletion: 0,
            evictions: 1,
        }
    }

    fn take_out(&mut self) {
        (self.flight, self.memory) = (None, None);
        self.count += 1;
    }

    /// The next step of the deletion, which is asked for when the truth has changed.
    fn delete(&mut self, fault: Fault) -> bool {
        match self.deletion {
            0 => self.truth = Value::New,
            1 if fault != Fault::FirstTakeOut => self.take_out(),
            2 => self.tier = None,
            3 if fault != Fault::SecondTakeOut => self.take_out(),
            1 | 3 => {}
            _ => return false,
        }
        self.deletion += 1;
        true
    }

    fn look(&mut self, fault: Fault) -> bool {
        match self.lookup.step {
            0 => self.lookup.count = self.count,
            1 => self.lookup.found = self.tier,
            2 if self.lookup.count == self.count || fault == Fault::Count => {
                self.memory = self.lookup.found.or(self.memory);
            }
            2 => {}
            _ => return false,
        }
        self.lookup.step += 1;
        true
    }

    fn load(&mut self, number: usize, fault: Fault) -> bool {
        let mut load = self.loads[number];
        match load.step {
            0 => match (self.memory, self.flight) {
                (None, None) => self.flight = Some(number),
                // It is answered, or joins another one.
                _ => load.step = 9,
            },
            1 => load.found = self.tier,
            2 if load.found.is_none() => (load.found, load.is_loaded) = (Some(self.truth), true),
            2 => {}
            3 => {
                load.may_store = self.flight == Some(number) || fault == Fault::Registration;
                if fault != Fault::Lock {
                    self.store(number, load);
                }
            }
            4 if fault == Fault::Lock => self.store(number, load),
            _ => return false,
        }
        load.step += 1;
        self.loads[number] = load;
        true
    }

    fn store(&mut self, number: usize, load: Load) {
        if load.may_store {
            self.memory = load.found;
            self.count += 1;
            if load.is_loaded {
                self.tier = load.found;
            }
        }
        if self.flight == Some(number) {
            self.flight = None;
        }
    }

    /// Room is made in memory, once.
    fn evict(&mut self) -> bool {
        if self.evictions == 0 || self.memory.is_none() {
            return false;
        }
        (self.evictions, self.memory) = (0, None);
        true
    }

    /// Whether somebody who asks now may be given what was true before the deletion: memory, the
    /// load that he would join, the tier.
    fn gives_old(&self) -> bool {
        let joined = self.flight.and_then(|number| self.loads[number].found);
        [self.memory, joined, self.tier].contains(&Some(Value::Old))
    }
}

/// Tries every order; how many states there are, and in how many of them an acknowledged deletion
/// does not hold.
fn try_all(start: World, fault: Fault) -> (usize, usize) {
    let (mut seen, mut next) = (HashSet::from([start.clone()]), vec![start]);
    let mut wrong = 0;
    while let Some(world) = next.pop() {
        wrong += usize::from(world.deletion == ACKNOWLEDGED && world.gives_old());
        let steps: [fn(&mut World, Fault) -> bool; 5] = [
            World::delete,
            World::look,
            |world, fault| world.load(0, fault),
            |world, fault| world.load(1, fault),
            |world, _| world.evict(),
        ];
        for step in steps {
            let mut after = world.clone();
            if step(&mut after, fault) && seen.insert(after.clone()) {
                next.push(after);
            }
        }
    }
    (seen.len(), wrong)
}

#[test]
fn an_acknowledged_deletion_holds_in_every_order() {
    for tier in [None, Some(Value::Old)] {
        let (states, wrong) = try_all(World::new(tier), Fault::None);
        assert_eq!(wrong, 0);
        assert!(states > 500, "{states} states are too few to say anything");
    }
}

#[test]
fn every_part_of_it_is_needed() {
    let check = |fault: Fault| {
        let wrong = [None, Some(Value::Old)].map(|tier| try_all(World::new(tier), fault).1);
        assert!(wrong.iter().any(|wrong| *wrong > 0), "{fault:?} does no harm");
    };
    use Fault::{Count, FirstTakeOut, Lock, Registration, SecondTakeOut};
    for fault in [FirstTakeOut, SecondTakeOut, Registration, Lock, Count] {
        check(fault);
    }
}
