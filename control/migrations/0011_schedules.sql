-- When the assistant in a machine next has something to do, by its agent's word: it is woken
-- in time. And when the agent was asked last.
ALTER TABLE sprites ADD COLUMN next_due_at BIGINT;
ALTER TABLE sprites ADD COLUMN asked_at BIGINT NOT NULL DEFAULT 0;
