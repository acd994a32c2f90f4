-- Domains that a customer had added and not proven, and another one has added since.
CREATE TABLE lost_domains (
    domain       TEXT NOT NULL,
    username     TEXT NOT NULL REFERENCES customers (username) ON DELETE CASCADE,
    lost_at      BIGINT NOT NULL,
    PRIMARY KEY (username, domain)
);
CREATE INDEX lost_domains_at ON lost_domains (lost_at);
