-- Where an unpaid workspace is on its way to the end: when it was closed, how many
-- warnings were written since, and when the next step is due. NULL while it is paid for.
ALTER TABLE workspaces ADD COLUMN unpaid_since_at BIGINT;
ALTER TABLE workspaces ADD COLUMN unpaid_warnings BIGINT NOT NULL DEFAULT 0;
ALTER TABLE workspaces ADD COLUMN unpaid_due_at BIGINT;

-- Whether what runs in a workspace's machine runs: 'running', 'stopping', 'stopped' or
-- 'starting', and since when.
ALTER TABLE sprites ADD COLUMN services TEXT NOT NULL DEFAULT 'running';
ALTER TABLE sprites ADD COLUMN services_at BIGINT NOT NULL DEFAULT 0;
