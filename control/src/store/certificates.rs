//! Certificates, and the accounts that they are ordered with. Keys and credentials are sealed
//! before they come here.

use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::model::certificate::{CertificateState, IssuedCertificate};
use crate::store::connection::{Attempt as _, Columns as _, millis, shortened};
use crate::store::{Store, StoreError};

impl Store {
    /// How the certificate called `id` stands; as none where there is no row yet.
    pub async fn certificate(&self, id: &str) -> Result<CertificateState, StoreError> {
        const ATTEMPT: &str = "read a certificate";
        let row = sqlx::query(
            "SELECT names, chain, sealed_key, starts_at, expires_at, failures, failing_since,
                 error, next_at
             FROM certificates WHERE id = $1",
        )
        .bind(id)
        .fetch_optional(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        row.as_ref().map(state).transpose().attempt(ATTEMPT).map(Option::unwrap_or_default)
    }

    /// Takes it upon itself to order it; whoever comes before `until` does not. `false` when
    /// somebody else has, or it was to be tried later: one that is to be tried after
    /// `latest` was noted by a clock that was ahead.
    pub async fn claim_certificate(
        &self,
        id: &str,
        now: Moment,
        until: Moment,
        latest: Moment,
    ) -> Result<bool, StoreError> {
        const ATTEMPT: &str = "claim the order of a certificate";
        let mut write = self.begin().await?;
        sqlx::query("INSERT INTO certificates (id) VALUES ($1) ON CONFLICT (id) DO NOTHING")
            .bind(id)
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        let claimed = sqlx::query(
            "UPDATE certificates SET next_at = $3
             WHERE id = $1 AND (next_at IS NULL OR next_at <= $2 OR next_at > $4)",
        )
        .bind(id)
        .bind(millis(now))
        .bind(millis(until))
        .bind(millis(latest))
        .execute(&mut *write)
        .await
        .attempt(ATTEMPT)?;
        write.commit().await?;
        Ok(claimed.rows_affected() > 0)
    }

    pub async fn note_certificate(
        &self,
        id: &str,
        issued: &IssuedCertificate,
    ) -> Result<(), StoreError> {
        let IssuedCertificate { names, chain, sealed_key, starts, expires } = issued;
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE certificates SET names = $2, chain = $3, sealed_key = $4, starts_at = $5,
                 expires_at = $6, failures = 0, failing_since = NULL, error = NULL, next_at = NULL
             WHERE id = $1",
        )
        .bind(id)
        .bind(names.join(" "))
        .bind(chain)
        .bind(sealed_key)
        .bind(millis(*starts))
        .bind(millis(*expires))
        .execute(&mut *write)
        .await
        .attempt("note a certificate")?;
        write.commit().await
    }

    /// Counts an attempt that brought none.
    pub async fn note_certificate_failure(
        &self,
        id: &str,
        error: &str,
        now: Moment,
        next: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "UPDATE certificates SET failures = failures + 1, error = $2, next_at = $4,
                 failing_since = COALESCE(failing_since, $3)
             WHERE id = $1",
        )
        .bind(id)
        .bind(shortened(error))
        .bind(millis(now))
        .bind(millis(next))
        .execute(&mut *write)
        .await
        .attempt("note that there is no certificate")?;
        write.commit().await
    }

    /// The key of the present certificate, sealed anew; nothing when it was replaced meanwhile.
    pub async fn reseal_certificate(
        &self,
        id: &str,
        former: &str,
        sealed_key: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE certificates SET sealed_key = $3 WHERE id = $1 AND sealed_key = $2")
            .bind(id)
            .bind(former)
            .bind(sealed_key)
            .execute(&mut *write)
            .await
            .attempt("seal the key of a certificate anew")?;
        write.commit().await
    }

    /// What opens our account at the authority with this directory, sealed.
    pub async fn acme_account(&self, directory: &str) -> Result<Option<String>, StoreError> {
        const ATTEMPT: &str = "read an account at a certificate authority";
        let row = sqlx::query("SELECT sealed FROM acme_accounts WHERE directory = $1")
            .bind(directory)
            .fetch_optional(&mut self.read().await?)
            .await
            .attempt(ATTEMPT)?;
        row.map(|row| row.text("sealed")).transpose().attempt(ATTEMPT)
    }

    /// In the place of a former one.
    pub async fn keep_acme_account(
        &self,
        directory: &str,
        sealed: &str,
        now: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO acme_accounts (directory, sealed, created_at) VALUES ($1, $2, $3)
             ON CONFLICT (directory) DO UPDATE SET sealed = $2, created_at = $3",
        )
        .bind(directory)
        .bind(sealed)
        .bind(millis(now))
        .execute(&mut *write)
        .await
        .attempt("keep an account at a certificate authority")?;
        write.commit().await
    }
}

fn state(row: &AnyRow) -> Result<CertificateState, sqlx::Error> {
    Ok(CertificateState {
        issued: issued(row)?,
        failures: row.small("failures")?,
        failing_since: row.optional_moment("failing_since")?,
        error: row.optional_text("error")?,
        next_attempt: row.optional_moment("next_at")?,
    })
}

fn issued(row: &AnyRow) -> Result<Option<IssuedCertificate>, sqlx::Error> {
    let Some(names) = row.optional_text("names")? else { return Ok(None) };
    Ok(Some(IssuedCertificate {
        names: names.split(' ').map(str::to_owned).collect(),
        chain: row.text("chain")?,
        sealed_key: row.text("sealed_key")?,
        starts: row.moment("starts_at")?,
        expires: row.moment("expires_at")?,
    }))
}
