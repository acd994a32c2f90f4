//! How long everything is kept, why, and the one sweep that forgets it.
//!
//! `docs/retention.md` is the same table for operators; a test compares them.

use std::time::Duration;

use crate::base::clock::Moment;
use crate::store::connection::{Attempt as _, millis};
use crate::store::{Store, StoreError};

/// Most rows of one kind that one sweep forgets: a transaction of some milliseconds,
/// and two thousand a minute, more than the busiest site leaves behind.
const ROWS_A_SWEEP: u32 = 1_000;

const DAY: u64 = 86_400;

/// What the operator decides about. Each is counted from the end of what is kept.
#[derive(Debug, Clone, Copy)]
pub struct RetentionTimes {
    pub account_idle: Duration,
    pub tasks: Duration,
    pub mails: Duration,
    pub tickets: Duration,
    pub orders: Duration,
}

/// Of one kind of row.
pub struct RetentionRule {
    pub what: &'static str,
    pub keep: Keep,
    pub why: &'static str,
    /// Takes the moment up to which all is forgotten, and how much of it at most.
    statement: &'static str,
}

pub enum Keep {
    /// Until the moment that its row names.
    UntilItExpires,
    Days(u64),
    /// As a key of the configuration says.
    Configured {
        key: &'static str,
        time: fn(&RetentionTimes) -> Duration,
    },
}

pub const RETENTION: &[RetentionRule] = &[
    RetentionRule {
        what: "account sessions",
        keep: Keep::UntilItExpires,
        why: "they open nothing any more",
        statement: "DELETE FROM account_sessions WHERE id_hash IN
             (SELECT id_hash FROM account_sessions WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "account sessions that nobody uses",
        keep: Keep::Configured {
            key: "sessions.account_idle_seconds",
            time: |times| times.account_idle,
        },
        why: "they open nothing any more",
        statement: "DELETE FROM account_sessions WHERE id_hash IN
             (SELECT id_hash FROM account_sessions WHERE last_seen_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "sign-in codes",
        keep: Keep::UntilItExpires,
        why: "they open nothing any more",
        statement: "DELETE FROM sign_in_codes WHERE code_hash IN
             (SELECT code_hash FROM sign_in_codes WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "permissions to fetch an export",
        keep: Keep::UntilItExpires,
        why: "they open nothing any more; nothing of an export itself is kept",
        statement: "DELETE FROM exports WHERE account_session IN
             (SELECT account_session FROM exports
              WHERE expires_at <= $1 AND (resume_until_at IS NULL OR resume_until_at <= $1)
              LIMIT $2)",
    },
    RetentionRule {
        what: "counters of sign-ins",
        keep: Keep::UntilItExpires,
        why: "their limits are over",
        statement: "DELETE FROM login_failures WHERE subject IN
             (SELECT subject FROM login_failures WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "password links",
        keep: Keep::UntilItExpires,
        why: "they open nothing any more",
        statement: "DELETE FROM password_links WHERE token_hash IN
             (SELECT token_hash FROM password_links WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "changes of address that nobody confirmed",
        keep: Keep::UntilItExpires,
        why: "their links confirm nothing any more",
        statement: "DELETE FROM email_changes WHERE username IN
             (SELECT username FROM email_changes WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "names that were reserved or in quarantine",
        keep: Keep::UntilItExpires,
        why: "somebody else may have them",
        statement: "DELETE FROM usernames WHERE state <> 'held' AND username IN
             (SELECT username FROM usernames WHERE until_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "domains that another workspace added instead",
        keep: Keep::Days(30),
        why: "who had added one before is told so on the account page",
        statement: "DELETE FROM lost_domains WHERE domain IN
             (SELECT domain FROM lost_domains WHERE lost_at <= $1 LIMIT $2) AND lost_at <= $1",
    },
    RetentionRule {
        what: "ended workspaces",
        keep: Keep::Configured { key: "sign_up.quarantine_days", time: |_| Duration::ZERO },
        why: "their names are free again, and what named the customer went at the end",
        statement: "DELETE FROM workspaces WHERE username IN
             (SELECT username FROM workspaces WHERE state = 'ended' AND changed_at <= $1
                  AND NOT EXISTS
                      (SELECT 1 FROM usernames WHERE usernames.signup = workspaces.signup)
              LIMIT $2)",
    },
    RetentionRule {
        what: "sign-ups that nobody paid",
        keep: Keep::Days(30),
        why: "their owner may ask what became of them",
        statement: "DELETE FROM signups WHERE id IN
             (SELECT id FROM signups
              WHERE subscription IS NULL AND state <> 'unpaid' AND changed_at <= $1
              ORDER BY changed_at LIMIT $2)",
    },
    RetentionRule {
        what: "paid sign-ups whose workspace has ended",
        keep: Keep::Configured { key: "retention.order_days", time: |times| times.orders },
        why: "a payment that is disputed is found by them; they name nobody",
        statement: "DELETE FROM signups WHERE id IN
             (SELECT id FROM signups
              WHERE subscription IS NOT NULL AND changed_at <= $1
                  AND NOT EXISTS (SELECT 1 FROM workspaces WHERE workspaces.signup = signups.id)
              ORDER BY changed_at LIMIT $2)",
    },
    RetentionRule {
        what: "receipts for what was deleted",
        keep: Keep::Configured { key: "retention.order_days", time: |times| times.orders },
        why: "a customer may ask what became of their data; they name the workspace only",
        statement: "DELETE FROM receipts WHERE signup IN
             (SELECT signup FROM receipts WHERE created_at <= $1
              ORDER BY created_at LIMIT $2)",
    },
    RetentionRule {
        what: "tasks that are over; one that was given up stays until it is tried again or called off",
        keep: Keep::Configured { key: "tasks.keep_days", time: |times| times.tasks },
        why: "an event that Stripe tells again within this is known",
        statement: "DELETE FROM tasks WHERE id IN
             (SELECT id FROM tasks
              WHERE finished_at <= $1 AND (state <> 'dead' OR kind = 'PREPARE')
              ORDER BY finished_at LIMIT $2)",
    },
    RetentionRule {
        what: "rounds of checks around tasks",
        keep: Keep::Configured { key: "tasks.keep_days", time: |times| times.tasks },
        why: "they are read together with the task",
        statement: "DELETE FROM pflaster_log WHERE id IN
             (SELECT id FROM pflaster_log WHERE at <= $1 ORDER BY at LIMIT $2)",
    },
    RetentionRule {
        what: "Stripe's events",
        keep: Keep::Days(30),
        why: "Stripe tells of one again for three days, and lists it for thirty",
        statement: "DELETE FROM stripe_events WHERE id IN
             (SELECT id FROM stripe_events WHERE received_at <= $1 ORDER BY received_at LIMIT $2)",
    },
    RetentionRule {
        what: "texts of mails that could not be sent",
        keep: Keep::Days(7),
        why: "an operator may have them sent after all; links in them are older by then than any may be",
        statement: "UPDATE mails SET body = '' WHERE id IN
             (SELECT id FROM mails WHERE ended_at <= $1 AND body <> ''
              ORDER BY ended_at LIMIT $2)",
    },
    RetentionRule {
        what: "mails that are sent or given up, without their texts",
        keep: Keep::Configured { key: "retention.mail_days", time: |times| times.mails },
        why: "a customer may ask what was written to them, and none is written twice",
        statement: "DELETE FROM mails WHERE id IN
             (SELECT id FROM mails WHERE ended_at <= $1 ORDER BY ended_at LIMIT $2)",
    },
    RetentionRule {
        what: "incidents, once their ticket is opened or given up",
        keep: Keep::Configured { key: "retention.ticket_days", time: |times| times.tickets },
        why: "none is told twice within this",
        statement: "DELETE FROM tickets WHERE incident IN
             (SELECT incident FROM tickets WHERE created_at <= $1
                  AND NOT EXISTS
                      (SELECT 1 FROM tasks WHERE tasks.dedupe_key = 'ticket/' || tickets.incident
                           AND tasks.state IN ('waiting', 'running'))
              ORDER BY created_at LIMIT $2)",
    },
    RetentionRule {
        what: "sessions of operators",
        keep: Keep::UntilItExpires,
        why: "they open nothing any more",
        statement: "DELETE FROM operator_sessions WHERE id_hash IN
             (SELECT id_hash FROM operator_sessions WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "tokens by which edges join",
        keep: Keep::UntilItExpires,
        why: "nobody joins by them any more",
        statement: "DELETE FROM edge_tokens WHERE edge IN
             (SELECT edge FROM edge_tokens WHERE expires_at <= $1 LIMIT $2)",
    },
    RetentionRule {
        what: "the journal of what operators, the system and customers did",
        keep: Keep::Days(400),
        why: "who asks a year later why a workspace was ended is answered",
        statement: "DELETE FROM operator_journal WHERE id IN
             (SELECT id FROM operator_journal WHERE at <= $1 ORDER BY at LIMIT $2)",
    },
    RetentionRule {
        what: "to whom a machine was handed that is gone",
        keep: Keep::Days(400),
        why: "a machine that comes back under its name gets a number it never had",
        statement: "DELETE FROM handouts WHERE sprite IN
             (SELECT sprite FROM handouts WHERE unused_since_at <= $1
              ORDER BY unused_since_at LIMIT $2)",
    },
];

impl RetentionRule {
    fn until(&self, times: &RetentionTimes, now: Moment) -> Moment {
        match self.keep {
            Keep::UntilItExpires => now,
            Keep::Days(days) => now.before(Duration::from_secs(days * DAY)),
            Keep::Configured { time, .. } => now.before(time(times)),
        }
    }
}

impl Store {
    /// Notes which sprites nothing leads to any more: from then on it is counted how long
    /// is kept to whom they were handed.
    pub async fn note_unused_handouts(&self, now: Moment) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE handouts SET unused_since_at = $1 WHERE sprite IN
                 (SELECT sprite FROM handouts WHERE unused_since_at IS NULL
                      AND NOT EXISTS (SELECT 1 FROM routes WHERE routes.sprite = handouts.sprite)
                      AND NOT EXISTS (SELECT 1 FROM sprites WHERE sprites.name = handouts.sprite)
                  LIMIT $2)",
        )
        .bind(millis(now))
        .bind(i64::from(ROWS_A_SWEEP))
        .execute(&mut *write)
        .await
        .attempt("note which sprites are not used")?;
        write.commit().await
    }

    /// Forgets what `rule` is about; returns how many rows it was.
    pub async fn forget(
        &self,
        rule: &RetentionRule,
        times: &RetentionTimes,
        now: Moment,
    ) -> Result<u64, StoreError> {
        let mut write = self.begin().await?;
        let forgotten = sqlx::query(rule.statement)
            .bind(millis(rule.until(times, now)))
            .bind(i64::from(ROWS_A_SWEEP))
            .execute(&mut *write)
            .await
            .attempt("forget what is old")?;
        write.commit().await?;
        Ok(forgotten.rows_affected())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operators_read_the_same_table() {
        let told = include_str!("../../../docs/retention.md");
        let told: Vec<_> = told.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        let line = |rule: &RetentionRule| {
            let keep = match rule.keep {
                Keep::UntilItExpires => "until it expires".to_owned(),
                Keep::Days(days) => format!("{days} days"),
                Keep::Configured { key, .. } => format!("`{key}`"),
            };
            format!("| {} | {keep} | {} |", rule.what, rule.why)
        };
        assert_eq!(told, RETENTION.iter().map(line).collect::<Vec<_>>());
    }
}
