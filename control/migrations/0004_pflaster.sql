-- What was checked around tasks, what was done about it, and what of that still stands.
-- The rules of 0001 hold: TEXT and BIGINT, *_at in unix milliseconds.

CREATE TABLE pflaster_log (
    id    TEXT PRIMARY KEY,
    task  TEXT NOT NULL,
    phase TEXT NOT NULL,
    at    BIGINT NOT NULL
);
CREATE INDEX pflaster_log_at ON pflaster_log (at, id);

CREATE TABLE pflaster_entries (
    log        TEXT NOT NULL REFERENCES pflaster_log (id) ON DELETE CASCADE,
    position   BIGINT NOT NULL,
    task       TEXT NOT NULL,
    check_name TEXT NOT NULL,
    -- patch, fix or note.
    action     TEXT NOT NULL,
    detail     TEXT NOT NULL,
    at         BIGINT NOT NULL,
    -- When the check was well again, for a patch.
    removed_at BIGINT,
    PRIMARY KEY (log, position)
);
CREATE INDEX pflaster_entries_check ON pflaster_entries (check_name, action, at);
