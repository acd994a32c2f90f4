-- How often a machine that stands ready left a call unanswered: one that does so again and
-- again is quarantined.
ALTER TABLE sprites ADD COLUMN setbacks BIGINT NOT NULL DEFAULT 0;
