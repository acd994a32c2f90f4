-- Why a workspace has ended: 'subscription', 'refund', 'dispute'. NULL while it has not.
ALTER TABLE workspaces ADD COLUMN end_reason TEXT;
UPDATE workspaces SET end_reason = 'subscription' WHERE state IN ('ending', 'ended');
