-- Why a workspace is closed for a while, with commas between the reasons: 'operator',
-- 'non_payment', 'paused', 'ended'. It is closed while any stands.
ALTER TABLE customers ADD COLUMN suspensions TEXT NOT NULL DEFAULT '';

-- What is known of the one flag that was there: a workspace that waits for a payment was
-- closed for it, one that ends for that, and all others by an operator.
UPDATE customers SET suspensions = CASE
    (SELECT state FROM workspaces WHERE workspaces.username = customers.username)
        WHEN 'suspended' THEN 'non_payment'
        WHEN 'ending' THEN 'ended'
        ELSE 'operator'
    END
WHERE suspended <> 0;

ALTER TABLE customers DROP COLUMN suspended;
