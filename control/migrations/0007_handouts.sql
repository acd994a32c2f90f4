-- Since when nothing leads to a sprite any more, as the sweep has seen it; NULL before.
ALTER TABLE handouts ADD COLUMN unused_since_at BIGINT;
