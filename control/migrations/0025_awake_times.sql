-- How long the machine of a customer was awake in the month of the row (UTC, `2026-11`), by the
-- count of its agent: `counted` is what that was when it was asked last, as the agent of this
-- assignment of this machine.
CREATE TABLE awake_times (
    username   TEXT PRIMARY KEY REFERENCES customers (username) ON DELETE CASCADE,
    month      TEXT NOT NULL,
    seconds    BIGINT NOT NULL,
    machine    TEXT NOT NULL,
    assignment BIGINT NOT NULL,
    counted    BIGINT NOT NULL
);
