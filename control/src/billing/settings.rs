//! `[stripe]` and `[sign_up]` of the configuration.

use std::path::Path;
use std::time::Duration;

use shared::process::{Section, named_file};
use shared::{Secret, Upstream};

use crate::model::workspace::UnpaidTimes;
use vendors::stripe::WebhookSecrets;
use vendors::stripe::id::{PortalConfigurationId, PriceId};

/// How workspaces are sold.
#[derive(Clone)]
pub struct StripeConfig {
    pub url: Upstream,
    pub secret_key: Secret<String>,
    /// Real money; as the key says.
    pub is_live: bool,
    pub secrets: WebhookSecrets,
    pub price: PriceId,
    /// At which customers bought before, and still pay.
    pub former_prices: Vec<PriceId>,
    /// `bpc_…`, where the account has more than one.
    pub portal: Option<PortalConfigurationId>,
    /// Where Stripe's pages are: browsers refuse to be led elsewhere by our forms.
    pub pages: Vec<Upstream>,
}

#[derive(Debug, Clone, Copy)]
pub struct SignUpConfig {
    /// How long a page at Stripe's can be paid, and its name is reserved.
    pub checkout: Duration,
    /// How long a name is reserved while a bank pays.
    pub bank: Duration,
    /// How long a failed renewal is forgiven.
    pub grace: Duration,
    /// How a workspace that is not paid for comes to its end.
    pub unpaid: UnpaidTimes,
    /// How long nobody gets the name of a workspace that has ended.
    pub quarantine: Duration,
    /// Checkout pages that one address may ask for in an hour.
    pub most_an_hour: u64,
}

const STRIPE: &str = "https://api.stripe.com";
const PAGES: [&str; 2] = ["https://checkout.stripe.com", "https://billing.stripe.com"];

const DAY: u64 = 86_400;

impl StripeConfig {
    pub fn from_section(stripe: &mut Section<'_>) -> Option<Self> {
        let url = stripe.optional("url", Upstream::parse);
        let url = url.unwrap_or_else(|| Upstream::parse(STRIPE).expect("an origin"));
        let key = stripe.secret("secret_key", "secret_key_file");
        let is_live = key.as_ref().and_then(|key| mode(stripe, key, &url));
        let secrets = webhook_secrets(stripe);
        let price = stripe.required("price", |text| PriceId::parse(text));
        let former_prices = stripe.list("former_prices", |text| PriceId::parse(text));
        let portal =
            stripe.optional("portal_configuration", |text| PortalConfigurationId::parse(text));
        let mut pages = stripe.list("pages", Upstream::parse);
        if pages.is_empty() {
            let own = |page: &&str| Upstream::parse(page).expect("an origin");
            pages = if url.as_str() == STRIPE {
                PAGES.iter().map(own).collect()
            } else {
                vec![url.clone()]
            };
        }
        Some(Self {
            url,
            secret_key: key?,
            is_live: is_live?,
            secrets: secrets?,
            price: price?,
            former_prices,
            portal,
            pages,
        })
    }
}

/// Stripe's keys say which mode they are of.
fn mode(stripe: &Section<'_>, key: &Secret<String>, url: &Upstream) -> Option<bool> {
    let begins = |with: [&str; 2]| with.iter().any(|with| key.expose().starts_with(with));
    let is_live = begins(["sk_live_", "rk_live_"]);
    if !is_live && !begins(["sk_test_", "rk_test_"]) {
        let message = "must begin with sk_live_, rk_live_, sk_test_ or rk_test_";
        stripe.complain("secret_key", message);
        return None;
    }
    if is_live && !url.is_tls() {
        stripe.complain("url", "must begin with https:// for a key of live mode");
        return None;
    }
    Some(is_live)
}

/// How Stripe begins each. What begins otherwise, such as the endpoint's id, refuses every event.
const SIGNING_SECRET: &str = "whsec_";

fn webhook_secrets(stripe: &mut Section<'_>) -> Option<WebhookSecrets> {
    let mut secrets = stripe.list("webhook_secrets", |text| {
        Ok::<_, std::convert::Infallible>(Secret::new(text.to_owned()))
    });
    let file = stripe.optional("webhook_secrets_file", |path| {
        let text = named_file::read_text(Path::new(path));
        text.map_err(|error| format!("{path} cannot be read: {error}"))
    });
    let lines = file.iter().flat_map(|text| text.lines()).filter(|line| !line.trim().is_empty());
    secrets.extend(lines.map(|line| Secret::new(line.to_owned())));
    let is_ours = |secret: &Secret<String>| {
        let secret = secret.expose().trim();
        secret.is_empty() || secret.starts_with(SIGNING_SECRET)
    };
    if let Some(index) = secrets.iter().position(|secret| !is_ours(secret)) {
        let rule = format!("webhook secret {index} must begin with {SIGNING_SECRET}");
        stripe.complain("webhook_secrets", &rule);
        return None;
    }
    match WebhookSecrets::new(&secrets) {
        Ok(secrets) => Some(secrets),
        Err(error) => {
            stripe.complain("webhook_secrets", &error.to_string());
            None
        }
    }
}

impl SignUpConfig {
    pub fn from_section(sign_up: &mut Section<'_>) -> Self {
        let days = |sign_up: &mut Section<'_>, key, default| {
            Duration::from_secs(DAY * sign_up.number(key, 0..=365, default))
        };
        Self {
            // Stripe takes half an hour to a day.
            checkout: Duration::from_secs(60 * sign_up.number("checkout_minutes", 30..=1_440, 60)),
            bank: days(sign_up, "bank_days", 14),
            grace: days(sign_up, "grace_days", 7),
            unpaid: unpaid_times(sign_up),
            quarantine: days(sign_up, "quarantine_days", 30),
            most_an_hour: sign_up.number("most_an_hour", 1..=1_000_000, 20),
        }
    }
}

fn unpaid_times(sign_up: &mut Section<'_>) -> UnpaidTimes {
    let mut days = |key, default| sign_up.number(key, 1..=3_650, default);
    let keep = days("unpaid_days", 30);
    let first = days("first_warning_days", 14);
    let last = days("last_warning_days", 3);
    if first >= keep {
        let message = format!("must be less than unpaid_days, which is {keep}");
        sign_up.complain("first_warning_days", &message);
    }
    if last >= first {
        let message = format!("must be less than first_warning_days, which is {first}");
        sign_up.complain("last_warning_days", &message);
    }
    let days = |days| Duration::from_secs(DAY * days);
    UnpaidTimes { keep: days(keep), first_warning: days(first), last_warning: days(last) }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use shared::process::Document;

    use super::*;

    const GOOD: &str = "secret_key = 'sk_test_0123456789'\nwebhook_secrets = ['whsec_1']\n\
                        price = 'price_1'\n";

    fn read(text: &str) -> Result<StripeConfig, String> {
        let document = Document::from_text(Path::new("c"), format!("[stripe]\n{text}"));
        let read = document.check(|root| root.optional_table("stripe", StripeConfig::from_section));
        read.map_err(|complaints| complaints.to_string())
    }

    fn check(text: &str, expected: &[&str]) {
        let seen = read(text).err().unwrap_or_default();
        assert_eq!(seen.lines().collect::<Vec<_>>(), expected, "{text}");
        let is_told = ["whsec_1", "we_1", "sk_test_0"].iter().any(|it| seen.contains(it));
        assert!(!is_told, "no secret: {seen}");
    }

    #[test]
    fn a_key_says_its_mode_and_the_pages_follow_from_the_address() {
        let config = read(GOOD).unwrap();
        assert!(!config.is_live);
        assert_eq!(config.pages.len(), 2);
        assert!(read(&GOOD.replace("sk_test_", "rk_live_")).unwrap().is_live);
        let local = read(&format!("url = 'http://127.0.0.1:4000'\n{GOOD}")).unwrap();
        assert_eq!(local.pages[0].as_str(), "http://127.0.0.1:4000");
    }

    #[test]
    fn an_end_is_announced_before_it_comes() {
        let check = |text: &str, expected: &[&str]| {
            let text = format!("[sign_up]\n{text}");
            let document = Document::from_text(Path::new("c"), text);
            let read =
                document.check(|root| Some(root.table("sign_up", SignUpConfig::from_section)));
            let seen = read.err().map(|complaints| complaints.to_string()).unwrap_or_default();
            assert_eq!(seen.lines().collect::<Vec<_>>(), expected);
        };
        check("", &[]);
        check(
            "unpaid_days = 14\nlast_warning_days = 20",
            &[
                "c:3: sign_up.last_warning_days: must be less than first_warning_days, which is 14",
                "c: sign_up.first_warning_days: must be less than unpaid_days, which is 14",
            ],
        );
        check("unpaid_days = -1", &["c:2: sign_up.unpaid_days: must be between 1 and 3650"]);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_key() {
        check(GOOD, &[]);
        check(
            "",
            &[
                "c: stripe.price: is missing",
                "c: stripe.secret_key: is missing",
                "c: stripe.webhook_secrets: there is no webhook secret",
            ],
        );
        check(
            &GOOD.replace("sk_test_", "pk_test_"),
            &["c:2: stripe.secret_key: must begin with sk_live_, rk_live_, sk_test_ or rk_test_"],
        );
        let live = GOOD.replace("sk_test_", "sk_live_");
        check(
            &format!("url = 'http://10.0.0.1'\n{live}"),
            &["c:2: stripe.url: must begin with https:// for a key of live mode"],
        );
        check(
            &GOOD.replace("'whsec_1'", "'whsec_1', ''"),
            &["c:3: stripe.webhook_secrets: webhook secret 1 is empty"],
        );
        check(
            &GOOD.replace("'whsec_1'", "'whsec_1', 'we_1SWsam'"),
            &["c:3: stripe.webhook_secrets: webhook secret 1 must begin with whsec_"],
        );
        check(
            &GOOD.replace("price_1", "price/1"),
            &["c:4: stripe.price: an id of Stripe's is one to 255 of A-Z, a-z, 0-9 and _"],
        );
    }
}
