//! What every letter is rendered with.

use shared::PublicSite;

use crate::base::amount::Amount;

/// What is the same on every letter.
#[derive(Debug, Clone)]
pub struct MailRenderer {
    pub site: PublicSite,
    /// Of a month.
    pub price: Amount,
    /// `Arcamatrix <hello@arcamatrix.com>`
    pub from: String,
    /// Where a person reads answers.
    pub reply_to: Option<String>,
}
