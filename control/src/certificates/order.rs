//! One order, from the account to the certificate.

use anyhow::{Context as _, ensure};
use shared::KeyRing;
use x509_parser::prelude::{Pem, X509Certificate};

use super::proofs::Placed;
use super::{CertificatesConfig, ProofConfig};
use crate::base::clock::Moment;
use crate::base::seal;
use crate::model::certificate::IssuedCertificate;
use crate::routes::Publisher;
use crate::store::Store;
use vendors::acme::{AcmeError, Authority, Issued, PendingOrder};

/// What its row is called, and its key sealed as.
pub const CERTIFICATE: &str = "site";

const ACCOUNT: &str = "acme account";

/// What is ordered.
pub struct CertificateOrder<'a> {
    pub names: &'a [String],
    /// How each of them is shown to be ours.
    pub proof: &'a ProofConfig,
    pub sealed_as: &'a str,
}

/// Obtains a certificate at the authority of `config`. Whatever was put in place for it is taken
/// away again, whether it came to something or not.
pub async fn obtain(
    config: &CertificatesConfig,
    wanted: &CertificateOrder<'_>,
    store: &Store,
    publisher: &Publisher,
    ring: &KeyRing,
    now: Moment,
) -> anyhow::Result<IssuedCertificate> {
    let order = begin(config, wanted, store, ring, now).await?;
    let mut placed = Placed::none(wanted.proof, publisher);
    let finished = match placed.place(order.proofs()).await {
        Ok(()) => order.finish().await.map_err(anyhow::Error::from),
        Err(error) => Err(error.context("proving that the names are ours")),
    };
    placed.remove().await;
    describe(wanted, ring, finished?)
}

/// With our account, or a new one where there is none that the authority knows.
async fn begin(
    config: &CertificatesConfig,
    wanted: &CertificateOrder<'_>,
    store: &Store,
    ring: &KeyRing,
    now: Moment,
) -> anyhow::Result<PendingOrder> {
    let directory = &config.directory;
    let sealed = store.acme_account(&directory.url).await?;
    let kept = sealed.as_deref().and_then(|sealed| seal::open(ring, ACCOUNT, sealed));
    if let Some(credentials) = &kept {
        let ordered = async {
            let authority = Authority::open(directory, credentials).await?;
            authority.order(wanted.names, wanted.proof.kind()).await
        };
        match ordered.await {
            Err(AcmeError::NoAccount | AcmeError::Credentials) => {}
            ordered => {
                // So that the former key may leave the ring.
                if sealed.is_some_and(|sealed| !seal::is_current(ring, &sealed)) {
                    let anew = seal::seal(ring, ACCOUNT, credentials);
                    store.keep_acme_account(&directory.url, &anew, now).await?;
                }
                return Ok(ordered?);
            }
        }
    }
    let (authority, credentials) = Authority::register(directory, config.contact.as_str()).await?;
    let sealed = seal::seal(ring, ACCOUNT, &credentials);
    store.keep_acme_account(&directory.url, &sealed, now).await?;
    Ok(authority.order(wanted.names, wanted.proof.kind()).await?)
}

fn describe(
    wanted: &CertificateOrder<'_>,
    ring: &KeyRing,
    issued: Issued,
) -> anyhow::Result<IssuedCertificate> {
    let first = Pem::iter_from_buffer(issued.chain.as_bytes()).next();
    let first = first.context("the authority's answer has no certificate in it")?;
    let first = first.context("the authority's certificate cannot be read")?;
    let parsed: X509Certificate<'_> =
        first.parse_x509().context("the authority's certificate cannot be read")?;
    let moment = |time: x509_parser::time::ASN1Time| {
        Moment::from_seconds(u64::try_from(time.timestamp()).unwrap_or_default())
    };
    let (starts, expires) =
        (moment(parsed.validity().not_before), moment(parsed.validity().not_after));
    ensure!(starts < expires, "the authority's certificate is never valid");
    let sealed_key = seal::seal(ring, wanted.sealed_as, &issued.key);
    Ok(IssuedCertificate {
        names: wanted.names.to_vec(),
        chain: issued.chain,
        sealed_key,
        starts,
        expires,
    })
}
