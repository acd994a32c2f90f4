-- The language that a customer is written to in: of the form they signed up with, then of the
-- pages that they used last. What was there before is English.
ALTER TABLE customers ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
ALTER TABLE signups ADD COLUMN language TEXT NOT NULL DEFAULT 'en';
