//! Customers' own domains. Keys of certificates are sealed before they come here.

use futures_util::future::FutureExt as _;
use shared::{Domain, Username};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;

use super::customers;
use crate::base::clock::Moment;
use crate::model::certificate::IssuedCertificate;
use crate::model::domain::{DnsRecord, DomainCertificate, OwnDomain};
use crate::store::connection::{Attempt as _, Columns as _, millis, shortened, valid};
use crate::store::{Actor, Store, StoreError, Write, journal};

const COLUMNS: &str = "domain, username, added_at, proven_at, missed, seen, starts_at, expires_at, \
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
        if let Some(row) = known {
            if valid(&row, "username", Username::parse).attempt(ATTEMPT)? == *username {
                return Ok(DomainAdded::Theirs);
            }
            if row.optional_moment("proven_at").attempt(ATTEMPT)?.is_some() {
                return Ok(DomainAdded::Taken);
            }
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
        let act = format!("adds the domain {domain}");
        note(&mut write, Actor::Customer(username), username, &act, now).await?;
        write.commit().await?;
        Ok(DomainAdded::Added)
    }

    /// Its certificate and key with it; noted as an act of `by`. `false` when it is not theirs.
    pub async fn remove_domain(
        &self,
        domain: &Domain,
        username: &Username,
        by: Option<Actor<'_>>,
        now: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let removed = sqlx::query("DELETE FROM domains WHERE domain = $1 AND username = $2")
            .bind(domain.as_str())
            .bind(username.as_str())
            .execute(&mut *write)
            .await
            .attempt("remove a domain")?;
        if removed.rows_affected() == 0 {
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

    /// Those that are to be looked at, the longest due first.
    pub async fn domains_due(&self, now: Moment, limit: u32) -> Result<Vec<OwnDomain>, StoreError> {
        const ATTEMPT: &str = "list the domains to look at";
        let rows = sqlx::query(AssertSqlSafe(format!(
            "SELECT {COLUMNS} FROM domains WHERE look_at <= $1 ORDER BY look_at LIMIT $2"
        )))
        .bind(millis(now))
        .bind(i64::from(limit))
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        Ok(self.readable("domains", "domain", &rows, parse))
    }

    /// Takes it upon itself to look; whoever comes before `until` does not. `false` when
    /// somebody else has.
    pub async fn claim_domain(
        &self,
        domain: &Domain,
        now: Moment,
        until: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let claimed =
            sqlx::query("UPDATE domains SET look_at = $3 WHERE domain = $1 AND look_at <= $2")
                .bind(domain.as_str())
                .bind(millis(now))
                .bind(millis(until))
                .execute(&mut *write)
                .await
                .attempt("claim the look at a domain")?;
        write.commit().await?;
        Ok(claimed.rows_affected() > 0)
    }

    /// What a look brought, and when the next one is due. Nothing when it is another one's.
    pub async fn note_domain_look(
        &self,
        looked: &OwnDomain,
        next: Moment,
    ) -> Result<(), StoreError> {
        let DnsRecord { proven, missed, seen } = &looked.record;
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE domains SET proven_at = $3, missed = $4, seen = $5, look_at = $6
             WHERE domain = $1 AND username = $2",
        )
        .bind(looked.domain.as_str())
        .bind(looked.username.as_str())
        .bind(proven.map(millis))
        .bind(i64::from(*missed))
        .bind(seen.as_deref().map(shortened))
        .bind(millis(next))
        .execute(&mut *write)
        .await
        .attempt("note a look at a domain")?;
        write.commit().await
    }

    /// Nothing when it is another one's by now.
    pub async fn note_domain_certificate(
        &self,
        of: &OwnDomain,
        issued: &IssuedCertificate,
        fingerprint: &str,
    ) -> Result<(), StoreError> {
        let IssuedCertificate { names: _, chain, sealed_key, starts, expires } = issued;
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE domains SET chain = $3, sealed_key = $4, fingerprint = $5, starts_at = $6,
                 expires_at = $7, failures = 0, error = NULL, order_at = NULL
             WHERE domain = $1 AND username = $2",
        )
        .bind(of.domain.as_str())
        .bind(of.username.as_str())
        .bind(chain)
        .bind(sealed_key)
        .bind(fingerprint)
        .bind(millis(*starts))
        .bind(millis(*expires))
        .execute(&mut *write)
        .await
        .attempt("note the certificate of a domain")?;
        write.commit().await
    }

    /// Counts an order that brought none.
    pub async fn note_domain_failure(
        &self,
        of: &OwnDomain,
        error: &str,
        next: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE domains SET failures = failures + 1, error = $3, order_at = $4
             WHERE domain = $1 AND username = $2",
        )
        .bind(of.domain.as_str())
        .bind(of.username.as_str())
        .bind(shortened(error))
        .bind(millis(next))
        .execute(&mut *write)
        .await
        .attempt("note that a domain has no certificate")?;
        write.commit().await
    }

    /// So that the former key may leave the ring; nothing when it was replaced meanwhile.
    pub async fn reseal_domain(
        &self,
        domain: &Domain,
        former: &str,
        sealed_key: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE domains SET sealed_key = $3 WHERE domain = $1 AND sealed_key = $2")
            .bind(domain.as_str())
            .bind(former)
            .bind(sealed_key)
            .execute(&mut *write)
            .await
            .attempt("seal the key of a domain anew")?;
        write.commit().await
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
    Ok(())
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

fn parse(row: &AnyRow) -> Result<OwnDomain, sqlx::Error> {
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
