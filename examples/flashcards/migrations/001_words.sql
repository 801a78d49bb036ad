CREATE TABLE decks (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE words (
    id INTEGER PRIMARY KEY,
    deck_id INTEGER NOT NULL REFERENCES decks ON DELETE CASCADE,
    word TEXT NOT NULL,
    stage TEXT NOT NULL DEFAULT 'translate' CHECK (stage IN ('translate', 'example', 'done', 'failed')),
    tries INTEGER NOT NULL DEFAULT 0,
    due_at INTEGER NOT NULL DEFAULT 0,
    translation TEXT,
    example TEXT,
    UNIQUE (deck_id, word)
);

-- The queue: of all words the few that something is still to be done for.
CREATE INDEX words_due ON words (due_at) WHERE stage IN ('translate', 'example');
