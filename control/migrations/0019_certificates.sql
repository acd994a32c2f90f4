-- Our accounts at certificate authorities.
CREATE TABLE acme_accounts (
    -- The URL of the authority's directory.
    directory  TEXT PRIMARY KEY,
    -- What opens the account, sealed under the key ring.
    sealed     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

-- Certificates that are obtained and renewed, and handed to every edge.
CREATE TABLE certificates (
    id            TEXT PRIMARY KEY,
    -- Of the one that was issued; NULL before the first one. Names are separated by spaces.
    names         TEXT,
    chain         TEXT,
    -- Its private key, sealed under the key ring.
    sealed_key    TEXT,
    starts_at     BIGINT,
    expires_at    BIGINT,
    -- Attempts in a row that brought none, and since when.
    failures      BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    error         TEXT,
    -- None is begun before this.
    next_at       BIGINT
);
