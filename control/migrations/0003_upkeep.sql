-- What is kept so that nothing waits unseen.
-- The rules of 0001 hold: TEXT and BIGINT, *_at in unix milliseconds.

-- Since when a task could be worked at, however often it was put off since.
ALTER TABLE tasks ADD COLUMN due_at BIGINT NOT NULL DEFAULT 0;
UPDATE tasks SET due_at = created_at;

-- When a machine was last seen to do what a workspace needs of it.
ALTER TABLE sprites ADD COLUMN proved_at BIGINT;
