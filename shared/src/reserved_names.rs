//! Names below our domain that are nobody's: what stands there would be taken for ours, for
//! somebody's whom our customers pay or trust, or is looked for by programs.

/// Never a workspace's. It does not grow: somebody may have a name that is added.
const NEVER_GIVEN: &[&str] = &[
    "abuse",
    "account",
    "admin",
    "administrator",
    "api",
    "app",
    "apps",
    "arca",
    "arcamatrix",
    "assets",
    "auth",
    "autoconfig",
    "autodiscover",
    "billing",
    "blog",
    "cdn",
    "control",
    "dev",
    "docs",
    "edge",
    "ftp",
    "help",
    "hostmaster",
    "imap",
    "internal",
    "legal",
    "localhost",
    "login",
    "mail",
    "metrics",
    "mx",
    "noreply",
    "ns",
    "ns1",
    "ns2",
    "ops",
    "pflaster",
    "pop",
    "postmaster",
    "privacy",
    "root",
    "security",
    "signup",
    "site",
    "smtp",
    "sprite",
    "staging",
    "static",
    "status",
    "support",
    "test",
    "webmaster",
    "wpad",
    "www",
];

/// Not given to anybody new, by where they are from. Who has one keeps it: they were free once.
const NOT_OFFERED: [&str; 5] = [
    // Mailboxes that every domain has: RFC 2142, RFC 5321 (postmaster) and, as whoever reads
    // their mail gets a certificate of the domain, the CA/Browser Forum's Baseline Requirements,
    // 3.2.2.4.4. Authorities took `ssladmin` and its like before.
    "abuse admin administrator ftp hostmaster info list listserv majordomo marketing news noc \
     postmaster root sales security ssl ssladmin ssladministrator sslwebmaster support sysadmin tls \
     usenet uucp webmaster www",
    // Hosts that programs look for below a domain: RFC 6186 and RFC 6764 with what clients try
    // before, autodiscover (MS-OXDISCO), WPAD, ISATAP (RFC 5214), RFC 8461 (mta-sts), OpenPGP's
    // Web Key Directory, special names (RFC 6761, RFC 6762), RFC 8552 without its underscore.
    "acme-challenge autoconfig autodiscover broadcasthost caldav carddav dkim dmarc domainkey \
     example imap imaps invalid ipv4 ipv6 isatap jabber ldap local localdomain localhost \
     mailer-daemon mta-sts mx nntp ntp openpgpkey pop pop3 pop3s proxy relay sip smtp smtps spf \
     submission turn webdav wpad xmpp",
    // Parts of a service, as services name them.
    "api app archive asset backend backup beta blog cache cdn cloud cluster community config \
     console css dashboard database db demo dev developer dns doc download email favicon feedback \
     file forum gateway git gitlab grafana graphql health healthz host image img internal js \
     kubernetes log metric monitor monitoring ns null ops origin ping private prod production \
     prometheus public redirect robots rss sandbox search server shop site sitemap ssh stage \
     staging static stats status storage store sub subdomain svn test testing upload vpn web \
     webhook webmail well-known wiki workspace wwws",
    // Pages and people of ours, as customers look for them.
    "about aboutus agb anonymous assistant bot career chat checkout contact cookie copyright \
     customer datenschutz dsgvo everybody everyone faq founder gdpr guest hallo hello home hr \
     impressum imprint job kontakt licence license logout me member mod moderator no-one nobody \
     operator owner partner press pricing policy policies profile receipt reception register report \
     self settings sign-out staff superadmin superuser system team term tos trust undefined user \
     username you yourname yourusername",
    // Programs and machines of ours.
    "arca control edge openclaw pflaster sprite",
];

/// Whom people pay, or sign in with: a page below our domain that is called so asks them for what
/// is none of ours. Our vendors, and those that are imitated most (the quarterly reports of the
/// APWG and of Check Point, 2025), as far as nobody is called so.
const BRANDS: &[&str] = &[
    "adobe",
    "amazon",
    "amex",
    "anthropic",
    "apple",
    "applepay",
    "chatgpt",
    "cloudflare",
    "coinbase",
    "dhl",
    "discord",
    "dropbox",
    "facebook",
    "fedex",
    "github",
    "gmail",
    "google",
    "googlepay",
    "icloud",
    "instagram",
    "klarna",
    "letsencrypt",
    "linkedin",
    "mastercard",
    "microsoft",
    "netflix",
    "office365",
    "openai",
    "outlook",
    "paypal",
    "resend",
    "roblox",
    "spotify",
    "stripe",
    "telegram",
    "visa",
    "whatsapp",
    "yahoo",
];

/// With a number behind them, or a hyphen and a number, these are machines of ours.
const NUMBERED: &[&str] = &["api", "control", "edge", "mail", "mx", "node", "ns", "smtp", "www"];

/// Wherever it stands in a name, the name looks like one of ours.
const BRAND: &str = "arcamatrix";

/// Desks of ours that somebody could be written to from. A name of nothing but these, [`BRANDS`]
/// and [`PARTICLES`], such as `billing-team`, is nobody's.
const DESKS: &[&str] = &[
    "abuse",
    "account",
    "accounts",
    "arca",
    "billing",
    "help",
    "helpdesk",
    "hostmaster",
    "invoice",
    "invoices",
    "legal",
    "login",
    "noreply",
    "oauth",
    "official",
    "password",
    "pay",
    "payment",
    "payments",
    "portal",
    "postmaster",
    "privacy",
    "refund",
    "refunds",
    "secure",
    "security",
    "signin",
    "signup",
    "sso",
    "support",
    "verification",
    "verify",
    "webmaster",
];

const PARTICLES: &[&str] = &[
    "center",
    "centre",
    "customer",
    "department",
    "desk",
    "my",
    "online",
    "our",
    "portal",
    "service",
    "services",
    "team",
    "tech",
    "the",
    "your",
];

pub(crate) fn is_never_given(name: &str) -> bool {
    NEVER_GIVEN.binary_search(&name).is_ok()
}

/// May somebody new have `name`, and nobody take them for us?
pub(crate) fn is_offered(name: &str) -> bool {
    let number = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let word = name[..name.len() - number.len()].trim_end_matches('-');
    let is_numbered = number.bytes().all(|byte| byte.is_ascii_digit())
        && !number.is_empty()
        && NUMBERED.contains(&word);
    let is_admin = name
        .split('-')
        .any(|part| matches!(part.strip_suffix('s').unwrap_or(part), "admin" | "administrator"));
    !(is_numbered
        || is_admin
        || is_branded(name)
        || is_listed(name)
        || names_desks_only(name, false))
}

/// `no-reply` is `noreply`, and `admins` are more than one.
fn is_listed(name: &str) -> bool {
    let plain = |name: &str| name.replace('-', "");
    let name = plain(name);
    let singular = name.strip_suffix('s').unwrap_or(&name);
    let listed = NOT_OFFERED.iter().flat_map(|names| names.split(' '));
    listed.chain(BRANDS.iter().chain(DESKS).copied()).any(|listed| {
        let listed = plain(listed);
        listed == name || listed == singular
    })
}

/// Also with hyphens in it, and with digits that are read as letters.
fn is_branded(text: &str) -> bool {
    let read = |c: char| match c {
        '0' => 'o',
        '1' => 'i',
        '4' => 'a',
        other => other,
    };
    text.chars().filter(|c| *c != '-').map(read).collect::<String>().contains(BRAND)
}

/// `has_one` where a desk stood before `rest`. Numbers and hyphens between words say nothing.
fn names_desks_only(rest: &str, has_one: bool) -> bool {
    let rest = rest.trim_start_matches(|c: char| c == '-' || c.is_ascii_digit());
    if rest.is_empty() {
        return has_one;
    }
    let goes_on = |words: &[&str], has_one: bool| {
        let mut rests = words.iter().filter_map(|word| rest.strip_prefix(word));
        rests.any(|rest| names_desks_only(rest, has_one))
    };
    goes_on(DESKS, true) || goes_on(BRANDS, true) || goes_on(PARTICLES, has_one)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_so_that_the_search_finds_them() {
        assert!(NEVER_GIVEN.is_sorted());
    }

    #[test]
    fn what_people_or_programs_take_for_official_is_nobodys() {
        let official = "admins sub-admin staff paypal paypal-login stripe stripe-payments my-visa terms \
                      no-reply noreply billing2 ssl ssl-admin root webmaster web-master postmaster \
                      mailer-daemon abuse noc usenet autodiscover wpad mta-sts isatap localhost \
                      acme-challenge well-known moderators impressum teams edges openclaw";
        for name in official.split(' ') {
            assert!(!is_offered(name), "{name}");
        }
        let free = "ada chess james apples-and-pears visage wisely metal newsome stafford \
                    roots-music hosting-ada paypal-fan webster jobst ssleepy 42";
        for name in free.split(' ') {
            assert!(is_offered(name), "{name}");
        }
    }
}
