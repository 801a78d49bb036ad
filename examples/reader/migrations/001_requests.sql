CREATE TABLE requests (
    id INTEGER PRIMARY KEY,
    correlation_id TEXT NOT NULL UNIQUE,
    url TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'waiting' CHECK (status IN ('waiting', 'running', 'done', 'failed')),
    created_at INTEGER NOT NULL DEFAULT (unixepoch())
);

-- What waits is a small part of all requests, and all that a worker asks for.
CREATE INDEX requests_waiting ON requests (id) WHERE status = 'waiting';
CREATE INDEX requests_status ON requests (status);

CREATE TABLE llm_calls (
    id INTEGER PRIMARY KEY,
    request_id INTEGER NOT NULL REFERENCES requests ON DELETE CASCADE,
    model TEXT NOT NULL,
    tokens INTEGER NOT NULL CHECK (tokens >= 0),
    cost_micros INTEGER NOT NULL CHECK (cost_micros >= 0),
    took_ms INTEGER NOT NULL CHECK (took_ms >= 0)
);

CREATE INDEX llm_calls_request ON llm_calls (request_id);

CREATE TABLE summaries (
    request_id INTEGER PRIMARY KEY REFERENCES requests ON DELETE CASCADE,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    is_read INTEGER NOT NULL DEFAULT 0 CHECK (is_read IN (0, 1))
);

CREATE INDEX summaries_unread ON summaries (request_id) WHERE is_read = 0;
