-- Addresses that customers want to be written to at, until the link sent there is used.
-- One for each customer: a newer one takes the place of the older.
CREATE TABLE email_changes (
    username   TEXT PRIMARY KEY REFERENCES customers (username) ON DELETE CASCADE,
    token_hash TEXT NOT NULL UNIQUE,
    email      TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX email_changes_expires ON email_changes (expires_at);
