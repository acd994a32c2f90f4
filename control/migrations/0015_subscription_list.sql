-- One row: how Stripe's list of subscriptions compares with the workspaces here.
CREATE TABLE subscription_list (
    id         BIGINT PRIMARY KEY,
    -- When it is read next.
    next_at    BIGINT NOT NULL,
    -- Of the last one that was read as a whole.
    whole_at   BIGINT,
    listed     BIGINT NOT NULL DEFAULT 0,
    served     BIGINT NOT NULL DEFAULT 0,
    -- Paid at Stripe and served by no workspace; open here and not in the list.
    strangers  BIGINT NOT NULL DEFAULT 0,
    lacking    BIGINT NOT NULL DEFAULT 0,
    -- Why the last one could not be read.
    error      TEXT
);
INSERT INTO subscription_list (id, next_at) VALUES (1, 0);
