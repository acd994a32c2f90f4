//! Customers' own domains. Keys of certificates are sealed before they come here.

use futures_util::future::FutureExt as _;
use shared::{Domain, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::{customers, lost_domains};
use crate::base::clock::Moment;
use crate::model::domain::{DnsRecord, DomainCertificate, OwnDomain};
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Actor, Store, StoreError, Write, journal};

pub(super) const COLUMNS: &str = "domain, username, added_at, proven_at, missed, seen, starts_at, expires_at, \
                       failures, error, order_at";

/// What became of a domain that a customer wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DomainAdded {
    Added,
    /// It was theirs already.
    Theirs,
    /// It is proven to be another workspace's.
    Taken,
    TooMany,
    NoCustomer,
}

/// A row of the operator's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedDomain {
    pub own: OwnDomain,
    /// When it is looked at next.
    pub look: Moment,
}

/// One that edges are to serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServedDomain {
    pub domain: Domain,
    pub username: Username,
    pub fingerprint: String,
}

/// Its certificate, the key sealed.
#[derive(Debug, Clone)]
pub struct SealedPair {
    pub username: Username,
    pub chain: String,
    pub sealed_key: String,
}

impl Store {
    pub async fn domains_of(&self, username: &Username) -> Result<Vec<OwnDomain>, StoreError> {
        const ATTEMPT: &str = "list domains";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM domains WHERE username = $1 ORDER BY domain"
        )))
        .bind(username.as_str())
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("domains", "domain", &rows, parse))
    }

    /// Those after `after` by name. One that cannot be read is named in the log and left out.
    pub async fn listed_domains(
        &self,
        after: &str,
        limit: u32,
    ) -> Result<Vec<ListedDomain>, StoreError> {
        let text = format!(
            "SELECT {COLUMNS}, look_at FROM domains WHERE domain > $1 ORDER BY domain LIMIT $2"
        );
        let fetch = |after: String, limit: u32| {
            let text = text.clone();
            async move {
                sqlx::query(AssertSqlSafe(text))
                    .bind(after)
                    .bind(i64::from(limit))
                    .fetch_all(&mut self.read().await?)
                    .await
                    .attempt("list all domains")
            }
            .boxed()
        };
        let place = |row: &AnyRow| row.text("domain");
        let listed =
            |row: &AnyRow| Ok(ListedDomain { own: parse(row)?, look: row.moment("look_at")? });
        let (key, after) = (("domains", "domain"), after.to_owned());
        self.readable_page(key, after, limit, fetch, place, listed).await
    }

    /// One that nobody has proven yet goes to whoever asks last: DNS says whose it is. At most
    /// `most` for a workspace.
    pub async fn add_domain(
        &self,
        domain: &Domain,
        username: &Username,
        most: u64,
        now: Moment,
    ) -> Result<DomainAdded, StoreError> {
        const ATTEMPT: &str = "add a domain";
        let mut write = self.begin().await?;
        if customers::lock_row(&mut write, username).await?.is_none() {
            return Ok(DomainAdded::NoCustomer);
        }
        let known = sqlx::query("SELECT username, proven_at FROM domains WHERE domain = $1")
            .bind(domain.as_str())
            .fetch_optional(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        let mut former = None;
        if let Some(row) = known {
            let whose = valid(&row, "username", Username::parse).attempt(ATTEMPT)?;
            if whose == *username {
                return Ok(DomainAdded::Theirs);
            }
            if row.optional_moment("proven_at").attempt(ATTEMPT)?.is_some() {
                return Ok(DomainAdded::Taken);
            }
            former = Some(whose);
        }
        let own = sqlx::query("SELECT COUNT(*) AS number FROM domains WHERE username = $1")
            .bind(username.as_str())
            .fetch_one(&mut *write)
            .await
            .and_then(|row| row.number("number"))
            .attempt(ATTEMPT)?;
        if own >= most {
            return Ok(DomainAdded::TooMany);
        }
        // Proven meanwhile, it stays whose it is.
        let put = sqlx::query(
            "INSERT INTO domains (domain, username, added_at, look_at) VALUES ($1, $2, $3, $3)
             ON CONFLICT (domain) DO UPDATE SET username = $2, added_at = $3, look_at = $3,
                 missed = 0, seen = NULL, chain = NULL, sealed_key = NULL, fingerprint = NULL,
                 starts_at = NULL, expires_at = NULL, failures = 0, error = NULL, order_at = NULL
             WHERE domains.proven_at IS NULL",
        )
        .bind(domain.as_str())
        .bind(username.as_str())
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        if put.rows_affected() == 0 {
            return Ok(DomainAdded::Taken);
        }
        lost_domains::forget(&mut write, domain, username).await?;
        if let Some(former) = former {
            lost_domains::note(&mut write, domain, &former, now).await?;
        }
        let act = format!("adds the domain {domain}");
        note(&mut write, Actor::Customer(username), username, &act, now).await?;
        write.commit().await?;
        Ok(DomainAdded::Added)
    }

    /// Its certificate and key with it, and that it was lost; noted as an act of `by`. `false`
    /// when it is not theirs.
    pub async fn remove_domain(
        &self,
        domain: &Domain,
        username: &Username,
        by: Option<Actor<'_>>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        lost_domains::forget(&mut write, domain, username).await?;
        let removed = sqlx::query("DELETE FROM domains WHERE domain = $1 AND username = $2")
            .bind(domain.as_str())
            .bind(username.as_str())
            .execute(&mut *write)
            .await
            .attempt("remove a domain")?;
        if removed.rows_affected() == 0 {
            write.commit().await?;
            return Ok(false);
        }
        if let Some(by) = by {
            note(&mut write, by, username, &format!("removes the domain {domain}"), now).await?;
        }
        write.commit().await?;
        Ok(true)
    }

    /// Whose workspace is reached at it; `None` unless its edges serve it.
    pub async fn workspace_at(
        &self,
        domain: &Domain,
        now: Moment,
    ) -> Result<Option<Username>, StoreError> {
        const ATTEMPT: &str = "look for the workspace of a domain";
        let row = sqlx::query(
            "SELECT username FROM domains
             WHERE domain = $1 AND proven_at IS NOT NULL AND expires_at > $2",
        )
        .bind(domain.as_str())
        .bind(millis(now))
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.map(|row| valid(&row, "username", Username::parse)).transpose().attempt(ATTEMPT)
    }

    /// All that edges are to serve.
    pub async fn domains_to_serve(&self, now: Moment) -> Result<Vec<ServedDomain>, StoreError> {
        const ATTEMPT: &str = "list the domains that are served";
        let rows = sqlx::query(
            "SELECT domain, username, fingerprint FROM domains
             WHERE proven_at IS NOT NULL AND expires_at > $1 AND fingerprint IS NOT NULL",
        )
        .bind(millis(now))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let parse = |row: &AnyRow| {
            Ok(ServedDomain {
                domain: valid(row, "domain", Domain::parse)?,
                username: valid(row, "username", Username::parse)?,
                fingerprint: row.text("fingerprint")?,
            })
        };
        Ok(self.readable("domains", "domain", &rows, parse))
    }

    /// `None` when it is served no more.
    pub async fn pair_of_domain(&self, domain: &Domain) -> Result<Option<SealedPair>, StoreError> {
        const ATTEMPT: &str = "read the certificate of a domain";
        let row = sqlx::query(
            "SELECT username, chain, sealed_key FROM domains
             WHERE domain = $1 AND proven_at IS NOT NULL AND chain IS NOT NULL",
        )
        .bind(domain.as_str())
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        let parse = |row: AnyRow| {
            Ok(SealedPair {
                username: valid(&row, "username", Username::parse)?,
                chain: row.text("chain")?,
                sealed_key: row.text("sealed_key")?,
            })
        };
        row.map(parse).transpose().attempt(ATTEMPT)
    }
}

/// Of a workspace that has ended: names, certificates and keys.
pub(in crate::store) async fn forget(
    write: &mut Write,
    username: &Username,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM domains WHERE username = $1")
        .bind(username.as_str())
        .execute(&mut **write)
        .await
        .attempt("forget the domains of a workspace")?;
    lost_domains::forget_all(write, username).await
}

async fn note(
    write: &mut Write,
    by: Actor<'_>,
    username: &Username,
    act: &str,
    now: Moment,
) -> Result<(), StoreError> {
    let about = (&*format!("workspace {username}"), Some(username));
    journal::note(write, by, about, act, now).await
}

pub(super) fn parse(row: &AnyRow) -> Result<OwnDomain, sqlx::Error> {
    let good = row.optional_moment("starts_at")?.zip(row.optional_moment("expires_at")?);
    Ok(OwnDomain {
        domain: valid(row, "domain", Domain::parse)?,
        username: valid(row, "username", Username::parse)?,
        added: row.moment("added_at")?,
        record: DnsRecord {
            proven: row.optional_moment("proven_at")?,
            missed: row.small("missed")?,
            seen: row.optional_text("seen")?,
        },
        certificate: DomainCertificate {
            good,
            failures: row.small("failures")?,
            error: row.optional_text("error")?,
            next_order: row.optional_moment("order_at")?,
        },
    })
}
