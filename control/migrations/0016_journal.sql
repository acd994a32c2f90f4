-- The journal of what operators did says also what the system and customers did.
-- 'operator', 'system' or 'customer'; `operator` has the name of whichever it is.
ALTER TABLE operator_journal ADD COLUMN kind TEXT NOT NULL DEFAULT 'operator';
-- Whose workspace it was about, where it was about one.
ALTER TABLE operator_journal ADD COLUMN workspace TEXT;
UPDATE operator_journal SET workspace = SUBSTR(subject, 11) WHERE subject LIKE 'workspace %';
CREATE INDEX operator_journal_workspace ON operator_journal (workspace, id);
