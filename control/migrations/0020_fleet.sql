-- Each base that was ever wanted, and what is known of it: it is tried on one machine
-- before anybody gets it.
CREATE TABLE fleet_bases (
    base TEXT PRIMARY KEY,
    version TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    began_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL
);
-- Workspaces that are, were, or could not be brought to a base. Nothing is kept of a
-- customer who is gone.
CREATE TABLE fleet_updates (
    username TEXT NOT NULL REFERENCES customers (username) ON DELETE CASCADE,
    base TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    task TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (username, base)
);
ALTER TABLE pool ADD COLUMN fleet_paused_at BIGINT;
