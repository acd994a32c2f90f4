//! Edges beside those of the configuration, and the tokens by which they join. What is secret
//! is sealed or hashed before it comes here.

use shared::Secret;
use sqlx::any::AnyRow;

use crate::base::clock::Moment;
use crate::base::token::TokenHash;
use crate::store::connection::{Attempt as _, Columns as _, millis, valid};
use crate::store::{Store, StoreError, Topic, Write};

/// One edge, as its row has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EdgeRow {
    pub name: String,
    pub url: String,
    pub visitors: Option<String>,
    /// In PEM.
    pub certificate: Option<String>,
    pub sealed_token: String,
    pub added: Moment,
}

impl EdgeRow {
    /// Whether `other` is the same edge, and not one that took its name.
    pub fn is_still(&self, other: &Self) -> bool {
        (&self.name, &self.url, &self.certificate, self.added)
            == (&other.name, &other.url, &other.certificate, other.added)
    }
}

/// What became of a token that somebody came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenUse {
    /// The edge is there now.
    Joined,
    /// It was there: this is the same call as the one that it joined by.
    JoinedBefore,
    /// There is no such token; also once it has expired.
    Unknown,
    /// Another call has used it, or the edge that joined by it was removed.
    Used,
}

impl Store {
    /// All of them, by name.
    pub async fn edges(&self) -> Result<Vec<EdgeRow>, StoreError> {
        const ATTEMPT: &str = "list the edges";
        let rows = sqlx::query(
            "SELECT name, url, visitors, certificate, sealed_token, added_at FROM edges
             ORDER BY name",
        )
        .fetch_all(&mut self.read().await?)
        .await
        .attempt(ATTEMPT)?;
        rows.iter().map(parse).collect::<Result<_, _>>().attempt(ATTEMPT)
    }

    /// `false` when there is one of this name.
    pub async fn add_edge(&self, edge: &EdgeRow) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let is_new = insert(&mut write, edge).await?;
        write.commit().await?;
        Ok(is_new)
    }

    /// With the token it joined by, or was to join by; `false` when there is neither.
    pub async fn remove_edge(&self, name: &str) -> Result<bool, StoreError> {
        let mut write = self.begin().await?;
        let mut removed = 0;
        for statement in
            ["DELETE FROM edge_tokens WHERE edge = $1", "DELETE FROM edges WHERE name = $1"]
        {
            let done = sqlx::query(statement).bind(name).execute(&mut *write).await;
            removed += done.attempt("remove an edge")?.rows_affected();
        }
        write.announce(Topic::Edges).await?;
        write.commit().await?;
        Ok(removed > 0)
    }

    /// The token that `name` has for us, sealed anew; nothing when it is another one by now.
    pub async fn reseal_edge(
        &self,
        name: &str,
        former: &str,
        sealed_token: &str,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query("UPDATE edges SET sealed_token = $3 WHERE name = $1 AND sealed_token = $2")
            .bind(name)
            .bind(former)
            .bind(sealed_token)
            .execute(&mut *write)
            .await
            .attempt("seal the token of an edge anew")?;
        write.commit().await
    }

    /// From now on a machine may join as `edge`, once; a former token for it counts no more.
    pub async fn put_edge_token(
        &self,
        edge: &str,
        hash: &TokenHash,
        expires: Moment,
    ) -> Result<(), StoreError> {
        let mut write = self.begin().await?;
        sqlx::query(
            "INSERT INTO edge_tokens (edge, hash, expires_at) VALUES ($1, $2, $3)
             ON CONFLICT (edge) DO UPDATE SET hash = $2, expires_at = $3, used_for = NULL",
        )
        .bind(edge)
        .bind(hash.as_str())
        .bind(millis(expires))
        .execute(&mut *write)
        .await
        .attempt("keep a token for an edge")?;
        write.commit().await
    }

    /// Has `edge` join by the token with this hash; `call` is the SHA-256 of what asks for it.
    pub async fn join_edge(
        &self,
        edge: &EdgeRow,
        hash: &TokenHash,
        call: &str,
        now: Moment,
    ) -> Result<TokenUse, StoreError> {
        const ATTEMPT: &str = "use a token for an edge";
        let mut write = self.begin().await?;
        // Of two calls with one token the second waits here for the first.
        sqlx::query("UPDATE edge_tokens SET edge = edge WHERE edge = $1")
            .bind(&edge.name)
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        let row = sqlx::query("SELECT hash, expires_at, used_for FROM edge_tokens WHERE edge = $1")
            .bind(&edge.name)
            .fetch_optional(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        let Some(row) = row else { return Ok(TokenUse::Unknown) };
        let token = parse_token(&row).attempt(ATTEMPT)?;
        if !token.hash.matches(hash.as_str()) || token.expires <= now {
            return Ok(TokenUse::Unknown);
        }
        match token.used_for {
            Some(former) if former == call => return Ok(TokenUse::JoinedBefore),
            Some(_) => return Ok(TokenUse::Used),
            None => {}
        }
        if !insert(&mut write, edge).await? {
            return Ok(TokenUse::Used);
        }
        sqlx::query("UPDATE edge_tokens SET used_for = $2 WHERE edge = $1")
            .bind(&edge.name)
            .bind(call)
            .execute(&mut *write)
            .await
            .attempt(ATTEMPT)?;
        write.commit().await?;
        Ok(TokenUse::Joined)
    }
}

async fn insert(write: &mut Write, edge: &EdgeRow) -> Result<bool, StoreError> {
    let EdgeRow { name, url, visitors, certificate, sealed_token, added } = edge;
    let inserted = sqlx::query(
        "INSERT INTO edges (name, url, visitors, certificate, sealed_token, added_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING",
    )
    .bind(name)
    .bind(url)
    .bind(visitors.as_deref())
    .bind(certificate.as_deref())
    .bind(sealed_token)
    .bind(millis(*added))
    .execute(&mut **write)
    .await
    .attempt("add an edge")?;
    write.announce(Topic::Edges).await?;
    Ok(inserted.rows_affected() > 0)
}

struct Token {
    hash: Secret<String>,
    expires: Moment,
    used_for: Option<String>,
}

fn parse_token(row: &AnyRow) -> Result<Token, sqlx::Error> {
    let hash = valid(row, "hash", TokenHash::parse)?;
    Ok(Token {
        hash: Secret::new(hash.as_str().to_owned()),
        expires: row.moment("expires_at")?,
        used_for: row.optional_text("used_for")?,
    })
}

fn parse(row: &AnyRow) -> Result<EdgeRow, sqlx::Error> {
    Ok(EdgeRow {
        name: row.text("name")?,
        url: row.text("url")?,
        visitors: row.optional_text("visitors")?,
        certificate: row.optional_text("certificate")?,
        sealed_token: row.text("sealed_token")?,
        added: row.moment("added_at")?,
    })
}
