-- Looks at Stripe that have begun, each with its number, and the latest that a workspace
-- has followed: by these, and not by any clock, an answer to an earlier question is told.
ALTER TABLE workspaces ADD COLUMN looks BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN followed_look BIGINT NOT NULL DEFAULT 0;

-- One row, written to find out whether the database takes writes.
CREATE TABLE write_probe (
    id     BIGINT PRIMARY KEY,
    writes BIGINT NOT NULL
);
INSERT INTO write_probe (id, writes) VALUES (1, 0);
