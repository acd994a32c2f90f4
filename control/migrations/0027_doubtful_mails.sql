-- Of a letter that failed it was not kept until now whether it may have been sent: all of
-- them may.
UPDATE mails SET tried_at = created_at WHERE state = 'failed' AND tried_at IS NULL;
