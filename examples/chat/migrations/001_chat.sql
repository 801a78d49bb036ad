-- For SQLite and PostgreSQL alike: ids are made by the application, times are milliseconds.
CREATE TABLE users (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL UNIQUE, password TEXT NOT NULL);

CREATE TABLE api_keys (digest TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE);
CREATE INDEX api_keys_user ON api_keys (user_id);

CREATE TABLE conversations (
    id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users ON DELETE CASCADE,
    title TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX conversations_user ON conversations (user_id, created_at, id);

CREATE TABLE messages (
    conversation_id TEXT NOT NULL REFERENCES conversations ON DELETE CASCADE,
    turn BIGINT NOT NULL, author TEXT NOT NULL,
    content TEXT NOT NULL, took_ms BIGINT NOT NULL,
    PRIMARY KEY (conversation_id, turn, author));
