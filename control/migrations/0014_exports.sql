-- Browsers whose owner asked for everything in their workspace, and until when they may fetch it.
CREATE TABLE exports (
    account_session TEXT PRIMARY KEY
        REFERENCES account_sessions (id_hash) ON DELETE CASCADE,
    expires_at      BIGINT NOT NULL
);
CREATE INDEX exports_expires ON exports (expires_at);
