-- The same in the live database and in the archive: a row looks alike in both. AUTOINCREMENT, so that
-- the number of a row that has moved is not given to another one.
CREATE TABLE records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    day TEXT NOT NULL CHECK (day GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]'),
    lot TEXT NOT NULL,
    item TEXT NOT NULL,
    produced INTEGER NOT NULL CHECK (produced >= 0),
    rejected INTEGER NOT NULL CHECK (rejected BETWEEN 0 AND produced)
);
