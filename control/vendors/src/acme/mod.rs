//! A certificate authority, by ACME (RFC 8555).
//!
//! One account orders. For each name the authority wants a proof: [`PendingOrder::proofs`]
//! says what has to be found where, the caller puts it there, [`PendingOrder::finish`] has
//! the authority look.

mod error;
mod http;

use std::time::Duration;

use instant_acme::{
    Account, AccountCredentials, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use shared::Secret;

pub use error::AcmeError;
use http::AcmeHttp;

/// How long an authority may take to look at all proofs, and then to issue. Each waits for
/// the other side's servers; a minute is ordinary when it is busy.
const LOOK: RetryPolicy = RetryPolicy::new()
    .initial_delay(Duration::from_millis(250))
    .backoff(1.5)
    .timeout(Duration::from_secs(180));

/// Where an authority is found.
#[derive(Debug, Clone)]
pub struct Directory {
    /// Begins with `https://`.
    pub url: String,
    /// The only certificates that it is believed by, if not the system's.
    pub roots: Option<Vec<reqwest::Certificate>>,
}

/// How the caller proves that a name is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProofKind {
    /// A TXT record of `_acme-challenge.<name>`.
    Dns,
    /// A page at `http://<name>/.well-known/acme-challenge/<token>`. Not for wildcards.
    Http,
}

/// What the authority has to find for one name.
#[derive(Debug, Clone)]
pub struct Proof {
    /// Without the `*.` of a wildcard.
    pub name: String,
    pub token: String,
    /// The whole page.
    pub page: String,
    /// The text of the record.
    pub record: String,
}

/// A chain, the certificate itself first, and its key; both in PEM.
#[derive(Debug, Clone)]
pub struct Issued {
    pub chain: String,
    pub key: Secret<String>,
}

/// An account at an authority.
pub struct Authority {
    account: Account,
}

/// An order that waits for proofs.
pub struct PendingOrder {
    order: Order,
    kind: ProofKind,
    proofs: Vec<Proof>,
}

impl Directory {
    /// Whether it answers as a directory does.
    ///
    /// # Errors
    /// When it cannot be reached, or is none.
    pub async fn look(&self) -> Result<(), AcmeError> {
        self.http()?.look(&self.url).await
    }

    fn http(&self) -> Result<AcmeHttp, AcmeError> {
        AcmeHttp::new(self.roots.as_deref())
    }
}

impl Authority {
    /// A new account, and the credentials that open it again. `contact` is an e-mail address.
    ///
    /// # Errors
    /// When the authority refuses or does not answer.
    pub async fn register(
        directory: &Directory,
        contact: &str,
    ) -> Result<(Self, Secret<String>), AcmeError> {
        let contact = format!("mailto:{contact}");
        let wanted = NewAccount {
            contact: &[&contact],
            terms_of_service_agreed: true,
            only_return_existing: false,
        };
        let builder = Account::builder_with_http(Box::new(directory.http()?));
        let (account, credentials) = builder.create(&wanted, directory.url.clone(), None).await?;
        let credentials =
            serde_json::to_string(&credentials).map_err(|_| AcmeError::Credentials)?;
        Ok((Self { account }, Secret::new(credentials)))
    }

    /// # Errors
    /// When the credentials are none, or the authority does not answer.
    pub async fn open(
        directory: &Directory,
        credentials: &Secret<String>,
    ) -> Result<Self, AcmeError> {
        let credentials: AccountCredentials =
            serde_json::from_str(credentials.expose()).map_err(|_| AcmeError::Credentials)?;
        let builder = Account::builder_with_http(Box::new(directory.http()?));
        Ok(Self { account: builder.from_credentials(credentials).await? })
    }

    /// Orders one certificate for all of `names`.
    ///
    /// # Errors
    /// When the authority refuses, does not answer, or does not take proofs of `kind`.
    pub async fn order(
        &self,
        names: &[String],
        kind: ProofKind,
    ) -> Result<PendingOrder, AcmeError> {
        let names: Vec<_> = names.iter().cloned().map(Identifier::Dns).collect();
        let mut order = self.account.new_order(&NewOrder::new(&names)).await?;
        let mut proofs = Vec::new();
        let mut authorizations = order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            // It remembers for a while what was proven before.
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            let whole = authorization.identifier().to_string();
            let name = whole.strip_prefix("*.").unwrap_or(&whole).to_owned();
            let challenge = authorization.challenge(kind.challenge());
            let challenge = challenge.ok_or(AcmeError::NoSuchProof { name: whole })?;
            let key = challenge.key_authorization();
            proofs.push(Proof {
                name,
                token: challenge.token.clone(),
                page: key.as_str().to_owned(),
                record: key.dns_value(),
            });
        }
        Ok(PendingOrder { order, kind, proofs })
    }
}

impl PendingOrder {
    pub fn proofs(&self) -> &[Proof] {
        &self.proofs
    }

    /// Has the authority look at the proofs, and issue for a new key.
    ///
    /// # Errors
    /// `Unproven` says what it found in the place of a proof.
    pub async fn finish(mut self) -> Result<Issued, AcmeError> {
        let mut authorizations = self.order.authorizations();
        while let Some(authorization) = authorizations.next().await {
            let mut authorization = authorization?;
            if authorization.status == AuthorizationStatus::Valid {
                continue;
            }
            if let Some(mut challenge) = authorization.challenge(self.kind.challenge()) {
                challenge.set_ready().await?;
            }
        }
        match self.order.poll_ready(&LOOK).await {
            Ok(OrderStatus::Ready) => {}
            Ok(_) => return Err(self.unproven().await.unwrap_or(AcmeError::Unexplained)),
            Err(error) => return Err(self.unproven().await.unwrap_or_else(|| error.into())),
        }
        let key = Secret::new(self.order.finalize().await?);
        let chain = self.order.poll_certificate(&LOOK).await?;
        Ok(Issued { chain, key })
    }

    /// What the authority says about the first proof that it did not take.
    async fn unproven(&mut self) -> Option<AcmeError> {
        let mut authorizations = self.order.authorizations();
        while let Some(Ok(mut authorization)) = authorizations.next().await {
            let name = authorization.identifier().to_string();
            let state = authorization.refresh().await.ok()?;
            let why = state.challenges.iter().find_map(|challenge| challenge.error.as_ref());
            if let Some(why) = why {
                return Some(AcmeError::Unproven { name, why: error::shortened(&why.to_string()) });
            }
        }
        None
    }
}

impl ProofKind {
    fn challenge(self) -> ChallengeType {
        match self {
            Self::Dns => ChallengeType::Dns01,
            Self::Http => ChallengeType::Http01,
        }
    }
}
