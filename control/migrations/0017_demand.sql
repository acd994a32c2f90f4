-- How many ordered lately is asked every half minute.
CREATE INDEX workspaces_created ON workspaces (created_at);
