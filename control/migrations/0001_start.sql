-- Portable between SQLite and PostgreSQL: only TEXT and BIGINT. Columns named
-- *_at are unix milliseconds, flags are 0 or 1, secrets are kept as SHA-256.

CREATE TABLE customers (
    username      TEXT PRIMARY KEY,
    email         TEXT NOT NULL,
    password_hash TEXT,
    epoch         BIGINT NOT NULL,
    suspended     BIGINT NOT NULL,
    created_at    BIGINT NOT NULL
);

-- One signed-in browser on the site.
CREATE TABLE account_sessions (
    id_hash      TEXT PRIMARY KEY,
    username     TEXT NOT NULL REFERENCES customers (username) ON DELETE CASCADE,
    created_at   BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL
);
CREATE INDEX account_sessions_username ON account_sessions (username);
CREATE INDEX account_sessions_expires ON account_sessions (expires_at);

-- The workspace session that an account session has handed over: one for each
-- browser, so that signing out knows what to lock.
CREATE TABLE workspace_sessions (
    id              TEXT PRIMARY KEY,
    username        TEXT NOT NULL,
    account_session TEXT NOT NULL UNIQUE
        REFERENCES account_sessions (id_hash) ON DELETE CASCADE,
    expires_at      BIGINT NOT NULL
);

CREATE TABLE sign_in_codes (
    code_hash       TEXT PRIMARY KEY,
    username        TEXT NOT NULL,
    challenge       TEXT NOT NULL,
    return_path     TEXT NOT NULL,
    account_session TEXT NOT NULL
        REFERENCES account_sessions (id_hash) ON DELETE CASCADE,
    created_at      BIGINT NOT NULL,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX sign_in_codes_session ON sign_in_codes (account_session);
CREATE INDEX sign_in_codes_expires ON sign_in_codes (expires_at);

-- Failures by what they are counted for, and without any, the places where
-- somebody has signed in.
CREATE TABLE login_failures (
    subject    TEXT PRIMARY KEY,
    failures   BIGINT NOT NULL,
    since_at   BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_failures_expires ON login_failures (expires_at);

CREATE TABLE routes (
    username   TEXT PRIMARY KEY,
    upstream   TEXT NOT NULL,
    sprite     TEXT NOT NULL,
    assignment BIGINT NOT NULL,
    state      TEXT NOT NULL,
    epoch      BIGINT NOT NULL
);

-- To whom a sprite was handed last; outlives the route.
CREATE TABLE handouts (
    sprite     TEXT PRIMARY KEY,
    username   TEXT NOT NULL,
    assignment BIGINT NOT NULL
);

-- session is '' for a lock of the whole workspace; until_seconds is in unix
-- seconds, as edges are told it.
CREATE TABLE locks (
    username      TEXT NOT NULL,
    session       TEXT NOT NULL,
    until_seconds BIGINT,
    PRIMARY KEY (username, session)
);
CREATE INDEX locks_until ON locks (until_seconds);

-- The latest steps of the route table: the change that made each generation,
-- as edges are told it, and the checksum of the table after it.
CREATE TABLE route_changes (
    generation BIGINT PRIMARY KEY,
    change     TEXT NOT NULL,
    checksum   TEXT NOT NULL
);

-- One row: the route table as it is now. It begins at 1, because 0 is an edge
-- that nobody has told anything: also of an empty table it is to be told.
CREATE TABLE route_table (
    id         BIGINT PRIMARY KEY,
    generation BIGINT NOT NULL,
    checksum   TEXT NOT NULL
);
INSERT INTO route_table (id, generation, checksum)
VALUES (1, 1, '00000000000000000000000000000000');
