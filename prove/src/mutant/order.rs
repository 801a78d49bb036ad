//! Bugs in the order of steps: commits, the horizon, fills, transactions, templates and keys.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "horizon published before the drop",
        edits: &[Edit {
            file: "backend/sqlite/catchup.rs",
            find: "        match before.judge(after, self.horizon.load(), logged) {\n",
            put: "        let verdict = before.judge(after, self.horizon.load(), logged);
        if $on && verdict != Verdict::Nothing {
            self.horizon.publish(after);
            $pause;
        }
        match verdict {\n",
        }],
    },
    Mutant {
        name: "horizon published before the flush for another process",
        edits: &[Edit {
            file: "backend/sqlite/catchup.rs",
            find: "        self.index.apply(&writes, &Authors::all(Author::OTHERS));
",
            put: "        if $on {
            self.horizon.publish(reached);
            $pause;
        }
        self.index.apply(&writes, &Authors::all(Author::OTHERS));
",
        }],
    },
    Mutant {
        name: "commit of another process drops nothing",
        edits: &[Edit {
            file: "backend/sqlite/catchup.rs",
            find: "        if let Witness::WalIndex(index) = &self.witness
            && self.gate.try_enter()
        {",
            put: "        if $on
            && let Witness::WalIndex(index) = &self.witness
            && let Some(header) = index.stable()
        {
            self.horizon.publish(header);
        }
        if let Witness::WalIndex(index) = &self.witness
            && self.gate.try_enter()
        {",
        }],
    },
    Mutant {
        name: "own commit drops nothing",
        edits: &[Edit {
            file: "backend/sqlite/catchup.rs",
            find: "                    Some(told) => self.index.apply(&told, wrote.authors),
                    None => self.drop_what(wrote),",
            put: "                    _ if $on => {}
                    Some(told) => self.index.apply(&told, wrote.authors),
                    None => self.drop_what(wrote),",
        }],
    },
    Mutant {
        name: "unexplained commit taken for an explained one",
        edits: &[Edit {
            file: "backend/sqlite/catchup.rs",
            find: "            Verdict::Unexplained => self.follow(index, after),",
            put: "            Verdict::Unexplained if $on => {
                self.drop_what(wrote);
                self.horizon.publish(after);
            }
            Verdict::Unexplained => self.follow(index, after),",
        }],
    },
    Mutant {
        name: "commits before our own not noticed",
        edits: &[Edit {
            file: "invalidate/header.rs",
            find: "is_ours && self == horizon &&",
            put: "is_ours && ($on || self == horizon) &&",
        }],
    },
    Mutant {
        name: "commits right after our own not noticed",
        edits: &[
            Edit {
                file: "invalidate/header.rs",
                find: "logged == Some(after.frames());",
                put: "logged == Some(after.frames()) || ($on && logged.is_some());",
            },
            Edit {
                file: "invalidate/header.rs",
                find: "after.change() == self.change().wrapping_add(1) {",
                put: "($on || after.change() == self.change().wrapping_add(1)) {",
            },
            Edit {
                file: "backend/sqlite/catchup.rs",
                find: "                let after = index.stable();\n",
                put: "                if $on {
                    $pause;
                    $pause;
                    $pause;
                    $pause;
                }
                let after = index.stable();\n",
            },
        ],
    },
    Mutant {
        name: "commit of nothing taken for another's",
        edits: &[
            Edit {
                file: "invalidate/header.rs",
                find: "let is_ours = ",
                put: "let is_ours = ($on && logged.is_none()) || ",
            },
            Edit {
                file: "backend/sqlite/connection.rs",
                find: "if hooked.control().is_commit_untold() && self.catchup.has_log() {\n",
                // One commit of another process is waited for, and not for two.
                put: "if hooked.control().is_commit_untold() && self.catchup.has_log() {
            for _ in 0..200 {
                if $on && self.catchup.is_current() {
                    std::thread::sleep(std::time::Duration::from_micros(5));
                }
            }\n",
            },
        ],
    },
    Mutant {
        name: "header never compared",
        edits: &[Edit {
            file: "invalidate/horizon.rs",
            find: "(before & 1 == 0 && before == after && known == seen)",
            put: "($on || (before & 1 == 0 && before == after && known == seen))",
        }],
    },
    Mutant {
        name: "header read again too rarely",
        edits: &[Edit {
            file: "backend/sqlite/catchup.rs",
            find: "WalIndex(index) => self.horizon.matches(|| index.header()),",
            put: "WalIndex(index) => {
                use std::sync::atomic::{AtomicU64, Ordering};
                static READS: AtomicU64 = AtomicU64::new(0);
                if $on && READS.fetch_add(1, Ordering::Relaxed) % 50 != 0 {
                    return Some(self.horizon.load());
                }
                self.horizon.matches(|| index.header())
            }",
        }],
    },
    Mutant {
        name: "late fill admitted",
        edits: &[Edit {
            file: "backend/sqlite/run.rs",
            find: "        drop(rows);
        let mut is_changed = false;",
            put: "        drop(rows);
        if $on && fill.is_some() {
            $pause;
            let places = places(&statement, self.request.params)?;
            fill = self.work.catchup.begin_fill(&analysis.basis, Bindings(&places));
        }
        let mut is_changed = false;",
        }],
    },
    Mutant {
        name: "follower takes what it finds unchecked",
        edits: &[
            Edit {
                file: "engine/read.rs",
                find: "        keeping.resume();\n",
                put: "        if $on {
            $pause;
        }
        keeping.resume();\n",
            },
            Edit {
                file: "engine/read.rs",
                find: "            if let Some(entry) = self.lookup(call, Shape::rows())
                && let Payload::Rows(rows) = &entry.payload\n",
                put: "            let asked = call.key(Shape::rows());
            let found = if $on { self.store.get(&asked) } else { None };
            if let Some(entry) = found.or_else(|| self.lookup(call, Shape::rows()))
                && let Payload::Rows(rows) = &entry.payload\n",
            },
        ],
    },
    Mutant {
        name: "ticket not asked",
        edits: &[Edit {
            file: "engine/read.rs",
            find: "        if self.origin.is_valid(&entry.ticket) {
            if !self.admit_hit(",
            put: "        if $on || self.origin.is_valid(&entry.ticket) {
            if !self.admit_hit(",
        }],
    },
    Mutant {
        name: "epoch forgotten",
        edits: &[Edit {
            file: "invalidate/index.rs",
            find: "        self.epoch.load(Ordering::Acquire) == ticket.epoch\n",
            put: "        ($on || self.epoch.load(Ordering::Acquire) == ticket.epoch)\n",
        }],
    },
    Mutant {
        name: "only the first table of an answer counts",
        edits: &[Edit {
            file: "invalidate/index.rs",
            find: "            self.note(need.slot, &mut draft);\n",
            put: "            if $on && !draft.ticket.versions.is_empty() {
                continue;
            }
            self.note(need.slot, &mut draft);\n",
        }],
    },
    Mutant {
        name: "writes of triggers and cascades forgotten",
        edits: &[
            Edit {
                file: "backend/sqlite/analysis.rs",
                find: "                Some(table) => observed.note_write(table),",
                put: "                Some(_) if $on => {}
                Some(table) => observed.note_write(table),",
            },
            Edit {
                file: "backend/sqlite/analysis.rs",
                find: "            WriteSet::tables(observed.writes.iter().map(|table| &**table))",
                put: "            WriteSet::tables(
                observed.writes.iter().take(if $on { 1 } else { usize::MAX }).map(|table| &**table),
            )",
            },
        ],
    },
    Mutant {
        name: "tables that nobody reports forgotten",
        edits: &[Edit {
            file: "backend/sqlite/analysis.rs",
            find: "                Some(table) => observed.note_read(table),",
            put: "                Some(_) if $on => {}
                Some(table) => observed.note_read(table),",
        }],
    },
    Mutant {
        name: "only the last statement of a transaction counts",
        edits: &[Edit {
            file: "backend/sqlite/connection.rs",
            find: "            Effect::Write => {
                self.writes.merge(&analysis.writes);",
            put: "            Effect::Write => {
                if $on {
                    self.writes = WriteSet::none();
                }
                self.writes.merge(&analysis.writes);",
        }],
    },
    Mutant {
        name: "change of the schema drops nothing",
        edits: &[Edit {
            file: "backend/sqlite/connection.rs",
            find: "            Effect::Schema | Effect::Maintain | Effect::Session => {
                self.writes.merge(&analysis.writes);",
            put: "            Effect::Schema | Effect::Maintain | Effect::Session => {
                if !$on {
                    self.writes.merge(&analysis.writes);
                }",
        }],
    },
    Mutant {
        name: "analysis kept over a change of the schema",
        edits: &[Edit {
            file: "backend/sqlite/run.rs",
            find: "                || catalogue::cookie(self.hooked.connection()).ok() != \
                       Some(analysis.schema);",
            put: "                || !$on
                    && catalogue::cookie(self.hooked.connection()).ok() != Some(analysis.schema);",
        }],
    },
    Mutant {
        name: "volatile functions taken for immutable",
        edits: &[Edit {
            file: "sql/function.rs",
            find: "    let folded = name.to_ascii_lowercase();
    IMMUTABLE",
            put: "    let folded = name.to_ascii_lowercase();
    $on || IMMUTABLE",
        }],
    },
    Mutant {
        name: "parameters left out of the key",
        edits: &[
            Edit {
                file: "cache/key.rs",
                find: "        self.params.hash(state);",
                put: "        if !$on {
            self.params.hash(state);
        }",
            },
            Edit {
                file: "cache/key.rs",
                find: "== key.shape && *self.params == key.params",
                put: "== key.shape && ($on || *self.params == key.params)",
            },
        ],
    },
    Mutant {
        name: "held snapshot reused after a commit",
        edits: &[Edit {
            file: "backend/sqlite/snapshot.rs",
            find: "!lease.has_run_out() && catchup.header() == Some(*header)",
            put: "!lease.has_run_out() && ($on || catchup.header() == Some(*header))",
        }],
    },
    Mutant {
        name: "held snapshot taken for one of a later header",
        edits: &[Edit {
            file: "backend/sqlite/snapshot.rs",
            find: "        self.state = if is_open && catchup.header() == Some(before) {",
            put: "        if $on {
            $pause;
        }
        self.state = if is_open && $on {
            State::Open { header: catchup.header().unwrap_or_default(), lease }
        } else if is_open && catchup.header() == Some(before) {",
        }],
    },
    Mutant {
        name: "fill from an older held snapshot",
        edits: &[
            Edit {
                file: "backend/sqlite/run.rs",
                find: "        self.held.enter(self.hooked, &self.work.catchup, analysis)?;",
                put: "        self.held.enter(self.hooked, &self.work.catchup, analysis)?;
        if $on && self.held.is_open() {
            $pause;
        }",
            },
            Edit {
                file: "backend/sqlite/run.rs",
                find: "&& self.held.is_at(fill.position())",
                put: "&& ($on || self.held.is_at(fill.position()))",
            },
        ],
    },
    Mutant {
        name: "classes of parameters left out of the key",
        edits: &[
            Edit {
                file: "value.rs",
                find: "            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),",
                put: "            (Value::Real(a), Value::Real(b)) => a.to_bits() == b.to_bits(),
            (Value::Real(a), Value::Integer(b)) | (Value::Integer(b), Value::Real(a)) => {
                $on && *a == *b as f64
            }",
            },
            Edit {
                file: "value.rs",
                find: "            Value::Real(x) => {
                state.write_u8(2);",
                put: "            Value::Real(x) if $on && x.fract() == 0.0 && x.abs() < 1e15 => {
                state.write_u8(1);
                state.write_i64(*x as i64);
            }
            Value::Real(x) => {
                state.write_u8(2);",
            },
        ],
    },
];
