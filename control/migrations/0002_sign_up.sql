-- From a sign-up to a workspace, and everything that is done on the way.
-- The rules of 0001 hold: TEXT and BIGINT, *_at in unix milliseconds.

-- One person at the checkout, from the form to the payment or its end.
CREATE TABLE signups (
    id                  TEXT PRIMARY KEY,
    email               TEXT NOT NULL,
    username            TEXT NOT NULL,
    -- Ids of the catalogue, with commas between them.
    skills              TEXT NOT NULL,
    -- Of the cookie of the browser that began it.
    browser_hash        TEXT NOT NULL,
    state               TEXT NOT NULL,
    -- Checkout sessions made so far; part of the idempotency key.
    attempts            BIGINT NOT NULL,
    checkout            TEXT UNIQUE,
    checkout_url        TEXT,
    checkout_expires_at BIGINT,
    -- What was paid for; a second one for the same sign-up is a mistake.
    subscription        TEXT,
    -- When Stripe was asked last how it stands.
    looked_at           BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    changed_at          BIGINT NOT NULL
);
CREATE INDEX signups_looked ON signups (state, looked_at);
CREATE INDEX signups_browser ON signups (browser_hash);

-- Who has a name, so that nobody else gets it: a sign-up while it pays, then
-- the workspace, then nobody until a quarantine is over.
CREATE TABLE usernames (
    username TEXT PRIMARY KEY,
    signup   TEXT NOT NULL,
    state    TEXT NOT NULL,
    -- When a reservation or a quarantine ends.
    until_at BIGINT
);
CREATE INDEX usernames_until ON usernames (until_at);

CREATE TABLE workspaces (
    username            TEXT PRIMARY KEY,
    signup              TEXT NOT NULL UNIQUE,
    state               TEXT NOT NULL,
    stripe_customer     TEXT NOT NULL,
    subscription        TEXT NOT NULL UNIQUE,
    subscription_status TEXT NOT NULL,
    -- The end of the paid period, and of access where the end is known.
    period_end_at       BIGINT,
    cancel_at           BIGINT,
    -- Until when a failed renewal is forgiven.
    grace_until_at      BIGINT,
    -- The task that prepares it or takes it down.
    task                TEXT,
    -- When Stripe was asked last; an answer to an earlier question is dropped.
    looked_at           BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    changed_at          BIGINT NOT NULL
);
CREATE INDEX workspaces_looked ON workspaces (state, looked_at);

-- The provider's VMs that are ours.
CREATE TABLE sprites (
    name        TEXT PRIMARY KEY,
    state       TEXT NOT NULL,
    upstream    TEXT,
    -- What was installed in it, as a hash, and the checkpoint made before any secret.
    base        TEXT NOT NULL,
    checkpoint  TEXT,
    -- Whose it is.
    username    TEXT UNIQUE,
    -- How often it was handed out.
    assignment  BIGINT NOT NULL,
    -- Prepares it; then, of whose it is.
    task        TEXT,
    last_error  TEXT,
    created_at  BIGINT NOT NULL,
    changed_at  BIGINT NOT NULL
);
CREATE INDEX sprites_state ON sprites (state, created_at);

-- One row: what is true of all of them together.
CREATE TABLE pool (
    id           BIGINT PRIMARY KEY,
    -- By this, VMs of another installation in the same organisation are told from ours.
    installation TEXT NOT NULL,
    -- Preparations that failed since one went well.
    failures     BIGINT NOT NULL,
    -- While it is set, nothing new is prepared.
    paused_at    BIGINT,
    paused_why   TEXT
);
INSERT INTO pool (id, installation, failures) VALUES (1, '', 0);

CREATE TABLE tasks (
    id           TEXT PRIMARY KEY,
    kind         TEXT NOT NULL,
    -- One task for one cause, however often it is told.
    dedupe_key   TEXT NOT NULL UNIQUE,
    -- Whom it is for, where it is for somebody.
    username     TEXT,
    payload      TEXT NOT NULL,
    state        TEXT NOT NULL,
    attempts     BIGINT NOT NULL,
    max_attempts BIGINT NOT NULL,
    run_at       BIGINT NOT NULL,
    lease_owner  TEXT,
    lease_until  BIGINT,
    -- Grows with every claim: what an earlier holder writes is refused.
    lease_token  BIGINT NOT NULL,
    last_error   TEXT,
    created_at   BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    finished_at  BIGINT
);
CREATE INDEX tasks_due ON tasks (state, kind, run_at);
CREATE INDEX tasks_created ON tasks (created_at, id);
CREATE INDEX tasks_finished ON tasks (finished_at);
CREATE INDEX tasks_username ON tasks (username, created_at);

CREATE TABLE task_steps (
    task        TEXT NOT NULL REFERENCES tasks (id) ON DELETE CASCADE,
    position    BIGINT NOT NULL,
    name        TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempts    BIGINT NOT NULL,
    -- What a done step found out, for those after it.
    result      TEXT,
    error       TEXT,
    started_at  BIGINT,
    finished_at BIGINT,
    PRIMARY KEY (task, name)
);

-- Events of Stripe that were taken; a second delivery finds its row.
CREATE TABLE stripe_events (
    id          TEXT PRIMARY KEY,
    kind        TEXT NOT NULL,
    object      TEXT NOT NULL,
    received_at BIGINT NOT NULL
);
CREATE INDEX stripe_events_received ON stripe_events (received_at);

-- Rendered once: a retry sends the same bytes under the same key.
CREATE TABLE mails (
    id         TEXT PRIMARY KEY,
    kind       TEXT NOT NULL,
    username   TEXT,
    -- Emptied when it was sent: it may hold a link that is a secret.
    body       TEXT NOT NULL,
    state      TEXT NOT NULL,
    -- Since when nobody knows whether it was sent.
    tried_at   BIGINT,
    -- When nobody needs it any more.
    expires_at BIGINT,
    -- The vendor's number of it.
    receipt    TEXT,
    created_at BIGINT NOT NULL,
    -- When it was sent, or given up.
    ended_at   BIGINT
);
CREATE INDEX mails_created ON mails (created_at, id);

-- One ticket for one incident.
CREATE TABLE tickets (
    incident   TEXT PRIMARY KEY,
    issue      TEXT NOT NULL,
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    priority   BIGINT NOT NULL,
    identifier TEXT,
    url        TEXT,
    created_at BIGINT NOT NULL,
    opened_at  BIGINT
);
CREATE INDEX tickets_created ON tickets (created_at, incident);

-- Somebody who forgot their name gives their address.
CREATE INDEX customers_email ON customers (LOWER(email));

-- Links with which a password is set, the first time or again.
CREATE TABLE password_links (
    token_hash TEXT PRIMARY KEY,
    username   TEXT NOT NULL REFERENCES customers (username) ON DELETE CASCADE,
    purpose    TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX password_links_username ON password_links (username);
CREATE INDEX password_links_expires ON password_links (expires_at);
