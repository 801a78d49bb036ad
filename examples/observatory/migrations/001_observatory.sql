CREATE TABLE pages (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url text NOT NULL UNIQUE,
    title text NOT NULL,
    body text NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('english', title || ' ' || body)) STORED
);
CREATE INDEX pages_words ON pages USING gin (words);

CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner text NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE queries (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session_id bigint NOT NULL REFERENCES sessions ON DELETE CASCADE,
    text text NOT NULL,
    found bigint NOT NULL
);
CREATE INDEX queries_session ON queries (session_id, id);

CREATE TABLE results (
    query_id bigint NOT NULL REFERENCES queries ON DELETE CASCADE,
    place bigint NOT NULL,
    page_id bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    PRIMARY KEY (query_id, place)
);
CREATE INDEX results_page ON results (page_id);

CREATE TABLE nouns (
    page_id bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    noun text NOT NULL,
    times bigint NOT NULL,
    PRIMARY KEY (page_id, noun)
);
CREATE TABLE entities (
    page_id bigint NOT NULL REFERENCES pages ON DELETE CASCADE,
    name text NOT NULL,
    PRIMARY KEY (page_id, name)
);
CREATE INDEX entities_name ON entities (name);
