//! `[resend]`: who sends our letters, and in whose name.

use shared::process::Section;
use shared::{PublicSite, Secret, Upstream};

use super::MailRenderer;
use crate::base::amount::Amount;
use crate::base::email_address::Email;

/// Resend's oldest limit of calls a second; newer ones are higher.
const PER_SECOND: u64 = 2;

#[derive(Debug, Clone)]
pub struct ResendConfig {
    pub url: Upstream,
    pub api_key: Secret<String>,
    /// Calls of the whole team.
    pub per_second: u32,
    from: String,
    reply_to: Option<String>,
}

impl ResendConfig {
    pub(crate) fn from_section(resend: &mut Section<'_>) -> Option<Self> {
        let url = resend.required("url", Upstream::parse);
        let api_key = resend.secret("api_key", "api_key_file");
        let from = resend.required("from", sender);
        let reply_to = resend.optional("reply_to", bare_address);
        let per_second = resend.number("per_second", 1..=1_000, PER_SECOND);
        Some(Self {
            url: url?,
            api_key: api_key?,
            per_second: u32::try_from(per_second).expect("at most a thousand"),
            from: from?,
            reply_to,
        })
    }
}

impl ResendConfig {
    /// Of the address that letters come from.
    pub fn domain(&self) -> &str {
        let (_, domain) = self.from.rsplit_once('@').unwrap_or_default();
        domain.trim_end_matches('>')
    }
}

impl MailRenderer {
    /// Letters are also written where nobody sends them.
    pub fn new(site: &PublicSite, price: Amount, resend: Option<&ResendConfig>) -> Self {
        let from = match resend {
            Some(resend) => resend.from.clone(),
            None => format!("Arcamatrix <hello@{}>", site.base_domain()),
        };
        let reply_to = resend.and_then(|resend| resend.reply_to.clone());
        Self { site: site.clone(), price, from, reply_to }
    }
}

/// `Arcamatrix <hello@arcamatrix.com>`, or the address alone.
fn sender(text: &str) -> Result<String, &'static str> {
    // It becomes a header: a line break in it would begin another one.
    if text.contains(char::is_control) {
        return Err("holds a control character");
    }
    let address = match text.split_once('<') {
        Some((_, rest)) => rest.strip_suffix('>').ok_or("lacks the > of its address")?,
        None => text,
    };
    bare_address(address).map(|_| text.to_owned())
}

fn bare_address(text: &str) -> Result<String, &'static str> {
    match Email::parse(text) {
        Ok(email) if email.as_str() == text => Ok(text.to_owned()),
        _ => Err("is no address such as hello@arcamatrix.com"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn senders_have_an_address() {
        let check = |text: &str, fits| assert_eq!(sender(text).is_ok(), fits, "{text}");
        check("Arcamatrix <hello@arca.test>", true);
        check("hello@arca.test", true);
        check("Arcamatrix <hello@arca.test", false);
        check("Arcamatrix", false);
        check("Arcamatrix <>", false);
        check("a@b@c", false);
        check("a b@c.test", false);
        check("Arcamatrix\r\nBcc: x@y.test <hello@arca.test>", false);
        check("Arca\tmatrix <hello@arca.test>", false);
    }
}
