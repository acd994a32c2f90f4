//! Why there is no certificate.

/// How much of an authority's complaint goes into our errors and logs.
const CHARS_MAX: usize = 500;

#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    #[error("the certificate authority refuses: {0}")]
    Refused(String),
    /// Orders are counted by the week; asking again soon makes it worse.
    #[error("the certificate authority takes no more orders for now: {0}")]
    RateLimited(String),
    #[error("the certificate authority does not know our account")]
    NoAccount,
    #[error("the certificate authority was not shown that {name} is ours: {why}")]
    Unproven { name: String, why: String },
    #[error("the certificate authority gave the order up and does not say why")]
    Unexplained,
    #[error("the certificate authority takes no such proof for {name}")]
    NoSuchProof { name: String },
    #[error("the certificate authority cannot be spoken to: {0}")]
    Call(String),
    #[error("the credentials of our account are spoiled")]
    Credentials,
}

impl From<instant_acme::Error> for AcmeError {
    fn from(error: instant_acme::Error) -> Self {
        use instant_acme::Error;
        match error {
            Error::Api(problem) => {
                let said = shortened(&problem.to_string());
                match problem.r#type.as_deref().and_then(|kind| kind.rsplit(':').next()) {
                    Some("rateLimited") => Self::RateLimited(said),
                    Some("accountDoesNotExist") => Self::NoAccount,
                    _ => Self::Refused(said),
                }
            }
            Error::KeyRejected => Self::Credentials,
            other => Self::Call(shortened(&other.to_string())),
        }
    }
}

/// `text` as it may stand in an error: one line, and short.
pub(super) fn shortened(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(CHARS_MAX).collect()
}
