//! The map beside a file whose pages really change hands, by the rules of SQLite's b-trees.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const TABLES: [&str; 4] = ["users", "posts", "votes", "tags"];

/// A file: who owns each page, and which pages are free. Page 1 is the schema's; the root of
/// table `n` is page `n` + 2, and never changes.
#[derive(Clone, Debug)]
struct File {
    owners: BTreeMap<u32, usize>,
    free: BTreeSet<u32>,
    size: u32,
}

/// What a transaction does to one table.
#[derive(Clone, Debug)]
enum Step {
    /// A row is changed in place, in the page at this place among the table's.
    Overwrite { table: usize, at: usize },
    /// The same, and undone again: the page is written as it was.
    Undo { table: usize, at: usize },
    /// A page is added, from the free ones if there are any; an older one points to it.
    Grow { table: usize, at: usize },
    /// A page is given back; the one that pointed to it changes. Its content is only written
    /// when it becomes the first of a list of free pages.
    Shrink { table: usize, at: usize, is_written: bool },
}

/// One commit.
#[derive(Clone, Debug)]
struct Commit {
    steps: Vec<Step>,
    /// The tables written are known.
    is_own: bool,
    /// It is found together with the next one.
    is_joined: bool,
}

fn step() -> impl Strategy<Value = Step> {
    let (table, at) = (0..TABLES.len(), 0..64usize);
    prop_oneof![
        (table.clone(), at.clone()).prop_map(|(table, at)| Step::Overwrite { table, at }),
        (table.clone(), at.clone()).prop_map(|(table, at)| Step::Undo { table, at }),
        (table.clone(), at.clone()).prop_map(|(table, at)| Step::Grow { table, at }),
        (table, at, any::<bool>()).prop_map(|(table, at, is_written)| Step::Shrink {
            table,
            at,
            is_written
        }),
    ]
}

fn commit() -> impl Strategy<Value = Commit> {
    let steps = proptest::collection::vec(step(), 1..8);
    (steps, any::<bool>(), proptest::bool::weighted(0.2))
        .prop_map(|(steps, is_own, is_joined)| Commit { steps, is_own, is_joined })
}

impl File {
    fn new() -> File {
        let owners = (0..TABLES.len()).map(|table| (table as u32 + 2, table)).collect();
        File { owners, free: BTreeSet::new(), size: TABLES.len() as u32 + 1 }
    }

    fn map(&self) -> Pages {
        let mut pages = Pages::new(self.size);
        assert!(pages.own(1, Owner::Schema, true));
        for (page, table) in &self.owners {
            assert!(pages.own(*page, Owner::Table(TABLES[*table]), *page == *table as u32 + 2));
        }
        pages
    }

    fn of(&self, table: usize) -> Vec<u32> {
        let is_its = |(page, owner): (&u32, &usize)| (*owner == table).then_some(*page);
        self.owners.iter().filter_map(is_its).collect()
    }

    /// Does one step; gives the table that it changes, if so, and adds the pages that it writes.
    fn run(&mut self, step: &Step, written: &mut BTreeSet<u32>) -> Option<usize> {
        let (Step::Overwrite { table, at }
        | Step::Undo { table, at }
        | Step::Grow { table, at }
        | Step::Shrink { table, at, .. }) = *step;
        let own = self.of(table);
        let page = own[at % own.len()];
        match step {
            Step::Overwrite { .. } => {
                written.insert(page);
            }
            Step::Undo { .. } => {
                written.insert(page);
                return None;
            }
            Step::Grow { .. } => {
                let new = self.free.pop_first().unwrap_or_else(|| {
                    self.size += 1;
                    self.size
                });
                self.owners.insert(new, table);
                written.extend([1, page, new]);
            }
            Step::Shrink { is_written, .. } => {
                let root = own[0];
                if page == root {
                    return None;
                }
                self.owners.remove(&page);
                self.free.insert(page);
                // What was written of it in this transaction is forgotten again.
                written.remove(&page);
                written.extend([1, root]);
                if *is_written {
                    written.insert(page);
                }
            }
        }
        Some(table)
    }
}

/// How the rule is broken, to see that it is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// A page that was changed is not told.
    Forget,
    /// Pages that have changed hands stay with their owners.
    Keep,
}

/// Runs the commits; an error is what the map got wrong.
fn run(commits: &[Commit], fault: Fault) -> Result<(), String> {
    let mut file = File::new();
    let mut pages = file.map();
    let (mut written, mut changed, mut wrote) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (nth, commit) in commits.iter().enumerate() {
        let mut now = BTreeSet::new();
        for step in &commit.steps {
            changed.extend(file.run(step, &mut now));
        }
        written.append(&mut now);
        wrote.extend(changed.iter().map(|table| TABLES[*table]));
        if commit.is_joined && nth + 1 < commits.len() {
            continue;
        }
        let mut told: Vec<u32> = std::mem::take(&mut written).into_iter().collect();
        match fault {
            Fault::None => {}
            Fault::Forget => drop(told.pop()),
            Fault::Keep => told.retain(|page| *page != 1),
        }
        let known = WriteSet::tables(std::mem::take(&mut wrote));
        let known = if commit.is_own { known } else { WriteSet::Everything };
        let traced = pages.commit(&told, file.size, &known);
        let Traced::Tables { slots, .. } = &traced else { return Err(format!("{traced:?}")) };
        for table in std::mem::take(&mut changed) {
            if !slots.contains(&slot_of_table(TABLES[table])) {
                return Err(format!("commit {nth} changed {}, traced {slots:?}", TABLES[table]));
            }
        }
        for (page, table) in &file.owners {
            if !pages.may_own(*page, TABLES[*table]) {
                return Err(format!("commit {nth}: page {page} is not known to be of {table}"));
            }
        }
        let loose = pages.classes.iter().filter(|class| is_loose(**class, &pages.sets)).count();
        assert_eq!(pages.loose() as usize, loose, "the count of loose pages");
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn every_changed_table_is_traced(commits in proptest::collection::vec(commit(), 1..60)) {
        let ran = run(&commits, Fault::None);
        prop_assert!(ran.is_ok(), "{ran:?}");
    }
}

#[test]
fn a_broken_rule_is_noticed() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    for fault in [Fault::Forget, Fault::Keep] {
        let mut runner = TestRunner::deterministic();
        let strategy = proptest::collection::vec(commit(), 40..60);
        let is_noticed =
            |_| run(&strategy.new_tree(&mut runner).unwrap().current(), fault).is_err();
        assert!((0..50).any(is_noticed), "{fault:?}");
    }
}

/// A file with one table on each page from the second on.
fn one_each(names: &[&str]) -> Pages {
    let mut pages = Pages::new(names.len() as u32 + 1);
    assert!(pages.own(1, Owner::Schema, true));
    for (page, name) in (2..).zip(names) {
        assert!(pages.own(page, Owner::Table(name), false));
    }
    pages
}

fn tables(names: &[&str], is_loose: bool) -> Traced {
    match WriteSet::tables(names.iter().copied()) {
        WriteSet::Tables(slots) => Traced::Tables { slots, is_loose },
        WriteSet::Everything => unreachable!("tables were given"),
    }
}

#[test]
fn pages_stay_where_they_are_unless_the_first_page_changes() {
    let mut pages = one_each(&["users", "posts"]);
    let unknown = WriteSet::Everything;
    assert_eq!(pages.commit(&[2, 3], 3, &unknown), tables(&["users", "posts"], false));
    assert_eq!(pages.commit(&[2], 3, &unknown), tables(&["users"], false));
    assert_eq!(pages.commit(&[1, 2, 3, 4], 4, &unknown), tables(&["users", "posts"], false));
    assert_eq!(pages.loose(), 3);
    assert_eq!(pages.commit(&[4], 4, &unknown), tables(&["users", "posts"], true));
    assert_eq!(pages.commit(&[1], 4, &unknown), tables(&[], false));
    // Written by a commit of our own, which is known to have written one table only.
    let mut pages = one_each(&["users", "posts"]);
    let users = WriteSet::tables(["users"]);
    assert_eq!(pages.commit(&[1, 2, 3, 4], 4, &users), tables(&["users", "posts"], false));
    assert_eq!(pages.commit(&[4], 4, &unknown), tables(&["users"], false));
    assert_eq!(pages.commit(&[3], 4, &unknown), tables(&["users", "posts"], true));
    assert_eq!(pages.loose(), 1);
}

#[test]
fn a_shorter_file_has_lost_pages() {
    let mut pages = one_each(&["users", "posts", "votes"]);
    let unknown = WriteSet::Everything;
    assert_eq!(pages.commit(&[1, 2], 3, &unknown), tables(&["users", "votes"], false));
    assert_eq!(pages.commit(&[1, 4], 4, &unknown), tables(&[], false));
}

#[test]
fn the_schema_is_told_from_its_further_pages() {
    let mut pages = one_each(&["users"]);
    pages = Pages { classes: [pages.classes, vec![NOBODY]].concat(), ..pages };
    assert!(pages.own(3, Owner::Schema, false));
    assert_eq!(pages.commit(&[1, 2], 3, &WriteSet::Everything), tables(&["users"], false));
    assert_eq!(pages.commit(&[3], 3, &WriteSet::Everything), Traced::Schema);
}

#[test]
fn a_page_has_one_owner_at_first() {
    let mut pages = one_each(&["users"]);
    assert!(!pages.own(2, Owner::Table("posts"), false), "taken");
    assert!(!pages.own(3, Owner::Table("posts"), false), "beyond the file");
    assert!(!pages.own(0, Owner::Table("posts"), false), "there is no such page");
}

#[test]
fn too_many_owners_are_anybody() {
    let names: Vec<String> = (0..=OWNERS_MAX).map(|n| format!("table{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut pages = one_each(&names);
    let all: Vec<u32> = (1..=names.len() as u32 + 1).collect();
    let size = names.len() as u32 + 1;
    assert_eq!(pages.commit(&all, size, &WriteSet::Everything), tables(&names, false));
    assert_eq!(pages.commit(&[2], size, &WriteSet::Everything), Traced::Unknown);
    // A commit of our own knows better what it has taken.
    let own = WriteSet::tables(["table0"]);
    assert_eq!(pages.commit(&[1, 2, size + 1], size + 1, &own), Traced::Unknown);
    let told = pages.commit(&[size + 1], size + 1, &WriteSet::Everything);
    assert_eq!(told, tables(&["table0"], false));
}

#[test]
fn sets_of_owners_have_a_bound() {
    let names: Vec<String> = (0..4).map(|n| format!("t{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut pages = one_each(&names);
    let size = names.len() as u32 + 1;
    for slot in 0..SETS_MAX as u32 {
        pages.class_of(&[slot, slot + 1, slot + 2]);
    }
    assert_eq!(pages.sets.len(), SETS_MAX);
    let last = pages.commit(&[1, size - 1, size], size, &WriteSet::Everything);
    assert!(matches!(last, Traced::Tables { .. }));
    assert_eq!(pages.commit(&[size], size, &WriteSet::Everything), Traced::Unknown);
    assert_eq!(pages.sets.len(), SETS_MAX);
}
