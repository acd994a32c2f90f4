-- Which browser a session was opened with, in two words of ours each (see model/browser.rs);
-- absent where the browser did not say it, and of sessions that were there before.
ALTER TABLE account_sessions ADD COLUMN browser TEXT;
ALTER TABLE account_sessions ADD COLUMN system TEXT;
