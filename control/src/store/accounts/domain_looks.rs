//! What looks at customers' domains bring: their records of DNS, and their certificates.

use shared::Domain;
use sqlx::AssertSqlSafe;

use super::domains::{COLUMNS, parse};
use crate::base::clock::Moment;
use crate::model::certificate::IssuedCertificate;
use crate::model::domain::{DnsRecord, OwnDomain};
use crate::store::connection::{Attempt as _, millis, shortened};
use crate::store::{Store, StoreError};

impl Store {
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
    /// somebody else has, or when it is another one's by now.
    pub async fn claim_domain(
        &self,
        due: &OwnDomain,
        now: Moment,
        until: Moment,
    ) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let claimed = sqlx::query(
            "UPDATE domains SET look_at = $4
             WHERE domain = $1 AND username = $2 AND look_at <= $3",
        )
        .bind(due.domain.as_str())
        .bind(due.username.as_str())
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
