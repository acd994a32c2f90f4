-- Domains that customers have of their own. One is of one workspace.
CREATE TABLE domains (
    domain       TEXT PRIMARY KEY,
    username     TEXT NOT NULL REFERENCES customers (username) ON DELETE CASCADE,
    added_at     BIGINT NOT NULL,
    -- Since when its record of DNS is seen to name the workspace; NULL while it does not.
    proven_at    BIGINT,
    -- Looks in a row that have not seen it any more.
    missed       BIGINT NOT NULL DEFAULT 0,
    -- What the last look saw instead.
    seen         TEXT,
    -- Nobody looks before this.
    look_at      BIGINT NOT NULL,
    -- The certificate; its private key is sealed under the key ring.
    chain        TEXT,
    sealed_key   TEXT,
    fingerprint  TEXT,
    starts_at    BIGINT,
    expires_at   BIGINT,
    -- Orders in a row that brought none, why, and before when no other is begun.
    failures     BIGINT NOT NULL DEFAULT 0,
    error        TEXT,
    order_at     BIGINT
);
CREATE INDEX domains_username ON domains (username);
CREATE INDEX domains_look ON domains (look_at);
