//! What is asked, in this order; the names are those of the answers' file.

/// One answer that an operator gives.
#[derive(Debug, Clone, Copy)]
pub struct Question {
    pub key: &'static str,
    pub text: &'static str,
    /// Taken when nothing is typed; empty where the answer may be left out.
    pub default: &'static str,
    pub is_required: bool,
}

const fn required(key: &'static str, text: &'static str) -> Question {
    Question { key, text, default: "", is_required: true }
}

const fn optional(key: &'static str, text: &'static str, default: &'static str) -> Question {
    Question { key, text, default, is_required: false }
}

pub const QUESTIONS: [Question; 17] = [
    required("base_domain", "Domain of the site; workspaces are at <name>.<domain>"),
    required("operator", "Who offers the service, as the site says it"),
    required("contact_email", "Where customers reach you"),
    optional("price", "What a month costs", "$7"),
    optional(
        "cloudflare_token",
        "Cloudflare, token that may change the domain's DNS: certificates are obtained and renewed \
         by themselves (empty: by a program of yours, or files)",
        "",
    ),
    optional("dns_hook", "Program of yours that sets TXT records, for the same (empty: files)", ""),
    optional(
        "join_address",
        "Address of this machine in the network of your other machines: edges join there (empty: \
         this edge stays alone)",
        "",
    ),
    optional(
        "certificate",
        "Without either: certificate chain in PEM, of the domain and of *.domain",
        "/etc/arcamatrix/tls/site.pem",
    ),
    optional("certificate_key", "Its key in PEM", "/etc/arcamatrix/tls/site.key"),
    optional(
        "database_url",
        "Database: sqlite://<path> or postgres://<user>:<password>@<host>/<database>",
        "sqlite:///var/lib/arcamatrix/control/control.db",
    ),
    optional("stripe_secret_key", "Stripe, secret key (empty: nothing is sold yet)", ""),
    optional("stripe_webhook_secret", "Stripe, signing secret of the webhook (whsec_…)", ""),
    optional("stripe_price", "Stripe, id of the monthly price (price_…)", ""),
    optional("resend_api_key", "Resend, key (empty: no letter is sent yet)", ""),
    optional("sprites_token", "Sprites, token (empty: there are no machines yet)", ""),
    optional("linear_api_key", "Linear, key (empty: incidents are noted only)", ""),
    optional("linear_team", "Linear, UUID of the team", ""),
];

/// What nobody is asked, and an answers' file may say.
pub(super) const SETTINGS: [Question; 19] = [
    optional("acme_directory", "", ""),
    optional("acme_ca_file", "", ""),
    optional("folder", "", "/etc/arcamatrix"),
    optional("state_folder", "", "/var/lib/arcamatrix"),
    optional("site_port", "", "443"),
    optional("listen", "", "0.0.0.0:80"),
    optional("listen_tls", "", "0.0.0.0:443"),
    optional("site_listen", "", ""),
    optional("api_listen", "", "127.0.0.1:9001"),
    optional("edge_listen", "", "127.0.0.1:9100"),
    optional("join_port", "", "9002"),
    optional("stripe_url", "", "https://api.stripe.com"),
    optional("resend_url", "", "https://api.resend.com"),
    optional("resend_from", "", ""),
    optional("linear_url", "", "https://api.linear.app"),
    optional("sprites_url", "", "https://api.sprites.dev"),
    optional("agent", "", "/usr/bin/sprite-agent"),
    optional("install", "", "npm install --global openclaw@2026.9.6"),
    optional("gateway", "", "openclaw"),
];
