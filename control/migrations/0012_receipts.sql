-- What was deleted at the end of a workspace, when, and how that was checked. It names the
-- workspace and no person.
CREATE TABLE receipts (
    signup     TEXT PRIMARY KEY,
    username   TEXT NOT NULL,
    reason     TEXT NOT NULL,
    -- JSON: a list of {"what", "at", "checked"}, `at` in unix seconds.
    lines      TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX receipts_username ON receipts (username, created_at);
CREATE INDEX receipts_created ON receipts (created_at);
