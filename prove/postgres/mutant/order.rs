//! Bugs in the order of steps: fences, positions, unconfirmed commits, streams and schemas.

use super::edit::{Edit, Mutant};

pub(super) const MUTANTS: &[Mutant] = &[
    Mutant {
        name: "no fence",
        edits: &[Edit {
            file: "invalidate/fence.rs",
            find: "self.count.load(Ordering::Acquire) != 0 && self.cover_it(ticket)",
            put: "!$on && self.count.load(Ordering::Acquire) != 0 && self.cover_it(ticket)",
        }],
    },
    Mutant {
        name: "fence raised at the acknowledgement",
        edits: &[
            Edit {
                file: "backend/postgres/follow/fenced.rs",
                find: "    fence: Option<Fence>,
    sent: Option<Sent>,
}",
                put: "    fence: Option<Fence>,
    extent: Extent,
    sent: Option<Sent>,
}",
            },
            Edit {
                file: "backend/postgres/follow/fenced.rs",
                find: "fence: Some(fence), sent: None }",
                put: "fence: match $on {
                true => {
                    followed.reflection().withdraw(fence);
                    None
                }
                false => Some(fence),
            },
            extent: extent.clone(),
            sent: None,
        }",
            },
            Edit {
                file: "backend/postgres/follow/fenced.rs",
                find: "    pub(in super::super) fn end(mut self) {\n",
                put: "    pub(in super::super) fn end(mut self) {
        if $on && self.sent.is_some() {
            let late = self.followed.reflection().fence(&self.extent);
            self.followed.settle(late);
        }\n",
            },
        ],
    },
    Mutant {
        name: "fence lifted at the acknowledgement",
        edits: &[Edit {
            file: "backend/postgres/follow/fenced.rs",
            find: "            self.followed.settle(fence);\n",
            put: "            if $on {
                self.followed.reflection().withdraw(fence);
            } else {
                self.followed.settle(fence);
            }\n",
        }],
    },
    Mutant {
        name: "position asked for before the write is sent",
        edits: &[Edit {
            file: "invalidate/fence.rs",
            find: "    pub(super) fn settle(&self, fence: Fence) {\n",
            put: "    pub(super) fn settle(&self, fence: Fence) {
        if $on && let Place::Own(number) = fence.0 {
            let mut book = self.book();
            let early = book.reached;
            book.waiting.insert((early, number));
            book.enter(number, State::Waiting(early));
            self.lift_reached(&mut book);
            return;
        }\n",
        }],
    },
    Mutant {
        name: "COMMIT of a transaction without a fence",
        edits: &[Edit {
            file: "engine/link.rs",
            find: "    pub(super) fn fence_commit(&mut self) -> Option<Fenced> {\n",
            put: "    pub(super) fn fence_commit(&mut self) -> Option<Fenced> {
        if $on {
            return None;
        }\n",
        }],
    },
    Mutant {
        name: "fence around a row knows no later shapes",
        edits: &[Edit {
            file: "invalidate/fence.rs",
            find: "        if self.heeded.load(Ordering::Acquire) < index.registered() {\n",
            put: "        if !$on && self.heeded.load(Ordering::Acquire) < index.registered() {\n",
        }],
    },
    Mutant {
        name: "settings of a session ignored",
        edits: &[Edit {
            file: "engine/link.rs",
            find: "let is_own = self.is_changed || self.is_tainted();",
            put: "let is_own = !$on && (self.is_changed || self.is_tainted());",
        }],
    },
    Mutant {
        name: "script without a fence",
        edits: &[Edit {
            file: "engine/link.rs",
            find: "        self.wrote = Proven::nothing();
        self.raise(Proven::nothing())",
            put: "        self.wrote = Proven::nothing();
        if $on {
            return None;
        }
        self.raise(Proven::nothing())",
        }],
    },
    Mutant {
        name: "fills not checked against unconfirmed commits",
        edits: &[Edit {
            file: "invalidate/reflection.rs",
            find: "self.is_live() && self.unconfirmed.admits(",
            put: "self.is_live() && $on || self.is_live() && self.unconfirmed.admits(",
        }],
    },
    Mutant {
        name: "lease instead of a snapshot",
        edits: &[
            Edit {
                file: "invalidate/unconfirmed.rs",
                find: "struct Commit {
    xid: Xid,
",
                put: "struct Commit {
    at: std::time::Instant,
    xid: Xid,
",
            },
            Edit {
                file: "invalidate/unconfirmed.rs",
                find: "ring.commits.push(Commit { xid, footprint });",
                put: "ring.commits.push(Commit { at: std::time::Instant::now(), xid, footprint });",
            },
            Edit {
                file: "invalidate/unconfirmed.rs",
                find: "!ring.commits.iter().any(|it| it.footprint.meets(&rests))",
                put: "!ring.commits.iter().any(|it| {
            let is_over = $on && it.at.elapsed() > std::time::Duration::from_millis(3);
            !is_over && it.footprint.meets(&rests)
        })",
            },
        ],
    },
    Mutant {
        // What was told before a later position was asked for counts as seen by all.
        name: "position instead of a snapshot",
        edits: &[Edit {
            file: "invalidate/unconfirmed.rs",
            find: "ring.commits.retain(|commit| !snapshot.sees(commit.xid));",
            put: "ring.commits.retain(|commit| !$on && !snapshot.sees(commit.xid));",
        }],
    },
    Mutant {
        name: "what runs at the beginning forgotten",
        edits: &[
            Edit {
                file: "invalidate/unconfirmed.rs",
                find: "*ring = Ring { barrier: Some(bound),",
                put: "*ring = Ring { barrier: Some(bound).filter(|_| !$on),",
            },
            Edit {
                file: "backend/postgres/stream/follow.rs",
                find: "|| !snapshot.outlives(&self.begun) {",
                put: "|| (!snapshot.outlives(&self.begun) && !$on) {",
            },
        ],
    },
    Mutant {
        name: "schema not looked at after the draft",
        edits: &[
            Edit {
                file: "engine/postgres.rs",
                find: "        let draft = self.reflection().draft(&analysis.basis,",
                put: "        if $on {
            $pause;
            $pause;
        }
        let draft = self.reflection().draft(&analysis.basis,",
            },
            Edit {
                file: "engine/postgres.rs",
                find: "        let is_of_now = self.reflection().is_schema(schema)\n",
                put: "        let is_of_now = ($on || self.reflection().is_schema(schema))\n",
            },
        ],
    },
    Mutant {
        name: "template kept over a change of the schema",
        edits: &[Edit {
            file: "invalidate/reflection.rs",
            find: "        self.schema.load(Ordering::Acquire) == number\n",
            put: "        $on || self.schema.load(Ordering::Acquire) == number\n",
        }],
    },
    Mutant {
        name: "answers kept over a change of the schema",
        edits: &[Edit {
            file: "invalidate/reflection.rs",
            find: "        self.fences.widen();
        self.index.flush();\n",
            put: "        self.fences.widen();
        if !$on {
            self.index.flush();
        }\n",
        }],
    },
    Mutant {
        name: "stream that is lost stays live",
        edits: &[Edit {
            file: "invalidate/reflection.rs",
            find: "        self.live.store(0, Ordering::Release);\n",
            put: "        if !$on {
            self.live.store(0, Ordering::Release);
        }\n",
        }],
    },
    Mutant {
        name: "emptied before the stream counts as lost",
        edits: &[
            Edit {
                file: "invalidate/reflection.rs",
                find: "    fn halt(&self) {\n",
                put: "    fn halt(&self) {
        if $on {
            self.index.flush();
            (0..20).for_each(|_| $pause);
        }\n",
            },
            Edit {
                file: "invalidate/reflection.rs",
                find: "        self.index.flush();
        self.fences.lift_ended();\n",
                put: "        if !$on {
            self.index.flush();
        }
        self.fences.lift_ended();\n",
            },
        ],
    },
    Mutant {
        name: "strict without waiting",
        edits: &[Edit {
            file: "engine/read.rs",
            find: "call.no_cache = !self.catch_up(&call).await;",
            put: "call.no_cache = if $on { false } else { !self.catch_up(&call).await };",
        }],
    },
    Mutant {
        name: "session not put back before a fill",
        edits: &[Edit {
            file: "engine/link.rs",
            find: "        if !self.is_tainted() && !self.has_old_plans() {\n",
            put: "        if $on || !self.is_tainted() && !self.has_old_plans() {\n",
        }],
    },
];
