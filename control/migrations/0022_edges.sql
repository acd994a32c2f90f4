-- Edges that joined or were added, beside those that the configuration names.
CREATE TABLE edges (
    name         TEXT PRIMARY KEY,
    -- Of its private API.
    url          TEXT NOT NULL,
    -- Where visitors reach it.
    visitors     TEXT,
    -- In PEM: the only one that its private API is believed by, if not the system's.
    certificate  TEXT,
    -- What its private API takes from us, sealed under the key ring.
    sealed_token TEXT NOT NULL,
    added_at     BIGINT NOT NULL
);

-- What lets one machine join, once.
CREATE TABLE edge_tokens (
    -- What the edge will be called.
    edge       TEXT PRIMARY KEY,
    -- SHA-256 of the secret part.
    hash       TEXT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- SHA-256 of the call that used it: the same one again is answered again.
    used_for   TEXT
);
