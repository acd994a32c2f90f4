-- Why a letter that was given up was not sent.
ALTER TABLE mails ADD COLUMN why TEXT;
