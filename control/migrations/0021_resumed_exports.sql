-- The archive that was begun last, and until when the rest of it may be fetched.
ALTER TABLE exports ADD COLUMN mark TEXT;
ALTER TABLE exports ADD COLUMN resume_until_at BIGINT;
