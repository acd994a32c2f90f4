//! The configuration files, out of the answers. `config/*.toml` explains every key.

use std::fmt::Write as _;

use super::given::Given;
use super::toml_text::{list, quoted};

pub(super) fn keys_file(given: &Given) -> String {
    format!("{}/keys.toml", given.text("folder"))
}

fn site_url(given: &Given) -> String {
    let domain = given.text("base_domain");
    match given.text("site_port") {
        "443" => format!("https://{domain}"),
        port => format!("https://{domain}:{port}"),
    }
}

/// Where edges on other machines reach it as well, if there are to be any.
fn site_listen(given: &Given) -> String {
    match (given.text("site_listen"), given.text("join_address")) {
        ("", "") => "127.0.0.1:9000".to_owned(),
        ("", address) => format!("{address}:9000"),
        (listen, _) => listen.to_owned(),
    }
}

fn join(given: &Given) -> String {
    if !given.is_there("join_address") {
        return String::new();
    }
    let listen = format!("{}:{}", given.text("join_address"), given.text("join_port"));
    let site = site_listen(given);
    format!(
        "\n[join]\nlisten = {}\nurl = \"https://{listen}\"\n\
         site_upstream = \"http://{site}\"\n",
        quoted(&listen)
    )
}

pub(super) fn control(given: &Given, admin_key: &str, edge_token: &str) -> String {
    let mut text = format!(
        "# Written by `control init`. Every key is explained in\n\
         # /usr/share/doc/arcamatrix-control/examples/control.toml.\n\
         base_domain = {}\nsite_url = {}\nsite_listen = {}\napi_listen = {}\n\
         database_url = {}\nkeys_file = {}\nadmin_key = {admin_key:?}\n",
        given.quoted("base_domain"),
        quoted(&site_url(given)),
        quoted(&site_listen(given)),
        given.quoted("api_listen"),
        given.quoted("database_url"),
        quoted(&keys_file(given)),
    );
    let networks = list(&given.private_networks);
    write!(
        text,
        "\n[[edges]]\nname = \"edge-1\"\nurl = \"http://{}\"\ntoken = {edge_token:?}\n\
         \n[site]\noperator = {}\ncontact_email = {}\nprice = {}\n\
         \n[upstream]\nallow_http = {networks}\nallow_addresses = {networks}\n",
        given.text("edge_listen"),
        given.quoted("operator"),
        given.quoted("contact_email"),
        given.quoted("price"),
    )
    .expect("a text takes everything");
    text + &join(given) + &certificates(given) + &vendors(given)
}

/// Does control obtain the certificate, so that the edge has no files?
pub(super) fn obtains_certificates(given: &Given) -> bool {
    given.is_there("cloudflare_token") || given.is_there("dns_hook")
}

fn certificates(given: &Given) -> String {
    if !obtains_certificates(given) {
        return String::new();
    }
    let contact = given.quoted("contact_email");
    let mut text = format!("\n[certificates]\ncontact = {contact}\n");
    for (key, answer) in [("directory", "acme_directory"), ("ca_file", "acme_ca_file")] {
        if given.is_there(answer) {
            text += &format!("{key} = {}\n", given.quoted(answer));
        }
    }
    text + &match given.text("cloudflare_token") {
        "" => format!("challenge = \"hook\"\nhook = {}\n", given.quoted("dns_hook")),
        token => format!("challenge = \"cloudflare\"\ncloudflare_token = {}\n", quoted(token)),
    }
}

/// Half an answer is a whole section: the program names what it lacks.
fn vendors(given: &Given) -> String {
    let mut text = String::new();
    let any = |keys: &[&str]| keys.iter().any(|key| given.is_there(key));
    if any(&["stripe_secret_key", "stripe_webhook_secret", "stripe_price"]) {
        text += &format!(
            "\n[stripe]\nurl = {}\nsecret_key = {}\nwebhook_secrets = [{}]\nprice = {}\n",
            given.quoted("stripe_url"),
            given.quoted("stripe_secret_key"),
            given.quoted("stripe_webhook_secret"),
            given.quoted("stripe_price"),
        );
    }
    if given.is_there("resend_api_key") {
        let from = match given.text("resend_from") {
            "" => format!("{} <hello@{}>", given.text("operator"), given.text("base_domain")),
            from => from.to_owned(),
        };
        text += &format!(
            "\n[resend]\nurl = {}\napi_key = {}\nfrom = {}\nreply_to = {}\n",
            given.quoted("resend_url"),
            given.quoted("resend_api_key"),
            quoted(&from),
            given.quoted("contact_email"),
        );
    }
    if any(&["linear_api_key", "linear_team"]) {
        text += &format!(
            "\n[linear]\nurl = {}\napi_key = {}\nteam = {}\n",
            given.quoted("linear_url"),
            given.quoted("linear_api_key"),
            given.quoted("linear_team"),
        );
    }
    if given.is_there("sprites_token") {
        text += &format!(
            "\n[sprites]\nurl = {}\ntoken = {}\n\
             \n[base]\nfiles = [{{ from = {}, to = \"/usr/local/bin/sprite-agent\", \
             mode = \"0755\" }}]\ninstall = {}\n\
             agent = [\"sudo\", \"/usr/local/bin/sprite-agent\"]\ngateway = [{}]\n",
            given.quoted("sprites_url"),
            given.quoted("sprites_token"),
            given.quoted("agent"),
            given.quoted("install"),
            given.quoted("gateway"),
        );
    }
    text
}

pub(super) fn edge(given: &Given) -> String {
    let folder = given.text("folder");
    let networks = list(&given.private_networks);
    let files = if obtains_certificates(given) {
        String::new()
    } else {
        let (certificate, key) = (given.quoted("certificate"), given.quoted("certificate_key"));
        format!("[[tls.certificates]]\ncertificate = {certificate}\nkey = {key}\n")
    };
    format!(
        "# Written by `control init`. Every key is explained in\n\
         # /usr/share/doc/arcamatrix-edge/examples/edge.toml.\n\
         base_domain = {}\nsite_url = {}\nlisten = [{}]\nadmin_listen = {}\n\
         admin_token_file = {}\nsite_upstream = \"http://{}\"\n\
         keys_file = {}\nstore = {}\n\
         \n[tls]\nlisten = [{}]\n{files}\
         \n[upstream]\nallow_http = {}\nallow_addresses = {}\n",
        given.quoted("base_domain"),
        quoted(&site_url(given)),
        given.quoted("listen"),
        given.quoted("edge_listen"),
        quoted(&format!("{folder}/edge-admin-token")),
        site_listen(given),
        quoted(&keys_file(given)),
        quoted(&format!("{}/edge/routes.redb", given.text("state_folder"))),
        given.quoted("listen_tls"),
        networks,
        networks,
    )
}
