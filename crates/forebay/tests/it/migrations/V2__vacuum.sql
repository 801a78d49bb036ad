-- no-transaction
PRAGMA foreign_keys = off;
VACUUM;
