-- Operators who are signed in to their page.
CREATE TABLE operator_sessions (
    id_hash     TEXT PRIMARY KEY,
    operator    TEXT NOT NULL,
    -- Of the key that opened it: another key ends it.
    fingerprint TEXT NOT NULL,
    created_at  BIGINT NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX operator_sessions_expires ON operator_sessions (expires_at);

-- What operators did, by their page and by the API.
CREATE TABLE operator_journal (
    -- In the order of time.
    id       TEXT PRIMARY KEY,
    at       BIGINT NOT NULL,
    operator TEXT NOT NULL,
    -- As in "workspace ada", "task PROV-…", "pool".
    subject  TEXT NOT NULL,
    act      TEXT NOT NULL,
    -- NULL while it is being done.
    outcome  TEXT
);
CREATE INDEX operator_journal_subject ON operator_journal (subject, id);
CREATE INDEX operator_journal_at ON operator_journal (at);
