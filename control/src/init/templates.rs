//! The configuration files, out of the answers. `config/*.toml` explains every key.

use std::fmt::Write as _;

use super::given::Given;

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
        "\n[join]\nlisten = {listen:?}\nurl = \"https://{listen}\"\n\
         site_upstream = \"http://{site}\"\n"
    )
}

pub(super) fn control(given: &Given, admin_key: &str, edge_token: &str) -> String {
    let mut text = format!(
        "# Written by `control init`. Every key is explained in\n\
         # /usr/share/doc/arcamatrix-control/examples/control.toml.\n\
         base_domain = {:?}\nsite_url = {:?}\nsite_listen = {:?}\napi_listen = {:?}\n\
         database_url = {:?}\nkeys_file = {:?}\nadmin_key = {admin_key:?}\n",
        given.text("base_domain"),
        site_url(given),
        site_listen(given),
        given.text("api_listen"),
        given.text("database_url"),
        keys_file(given),
    );
    let networks = &given.private_networks;
    write!(
        text,
        "\n[[edges]]\nname = \"edge-1\"\nurl = \"http://{}\"\ntoken = {edge_token:?}\n\
         \n[site]\noperator = {:?}\ncontact_email = {:?}\nprice = {:?}\n\
         \n[upstream]\nallow_http = {networks:?}\nallow_addresses = {networks:?}\n",
        given.text("edge_listen"),
        given.text("operator"),
        given.text("contact_email"),
        given.text("price"),
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
    let contact = given.text("contact_email");
    let mut text = format!("\n[certificates]\ncontact = {contact:?}\n");
    for (key, answer) in [("directory", "acme_directory"), ("ca_file", "acme_ca_file")] {
        if given.is_there(answer) {
            text += &format!("{key} = {:?}\n", given.text(answer));
        }
    }
    text + &match given.text("cloudflare_token") {
        "" => format!("challenge = \"hook\"\nhook = {:?}\n", given.text("dns_hook")),
        token => format!("challenge = \"cloudflare\"\ncloudflare_token = {token:?}\n"),
    }
}

/// Half an answer is a whole section: the program names what it lacks.
fn vendors(given: &Given) -> String {
    let mut text = String::new();
    if given.is_there("stripe_secret_key") {
        text += &format!(
            "\n[stripe]\nurl = {:?}\nsecret_key = {:?}\nwebhook_secrets = [{:?}]\nprice = {:?}\n",
            given.text("stripe_url"),
            given.text("stripe_secret_key"),
            given.text("stripe_webhook_secret"),
            given.text("stripe_price"),
        );
    }
    if given.is_there("resend_api_key") {
        let from = match given.text("resend_from") {
            "" => format!("{} <hello@{}>", given.text("operator"), given.text("base_domain")),
            from => from.to_owned(),
        };
        text += &format!(
            "\n[resend]\nurl = {:?}\napi_key = {:?}\nfrom = {from:?}\nreply_to = {:?}\n",
            given.text("resend_url"),
            given.text("resend_api_key"),
            given.text("contact_email"),
        );
    }
    if given.is_there("linear_api_key") {
        text += &format!(
            "\n[linear]\nurl = {:?}\napi_key = {:?}\nteam = {:?}\n",
            given.text("linear_url"),
            given.text("linear_api_key"),
            given.text("linear_team"),
        );
    }
    if given.is_there("sprites_token") {
        text += &format!(
            "\n[sprites]\nurl = {:?}\ntoken = {:?}\n\
             \n[base]\nfiles = [{{ from = {:?}, to = \"/usr/local/bin/sprite-agent\", \
             mode = \"0755\" }}]\ninstall = {:?}\n\
             agent = [\"sudo\", \"/usr/local/bin/sprite-agent\"]\ngateway = [{:?}]\n",
            given.text("sprites_url"),
            given.text("sprites_token"),
            given.text("agent"),
            given.text("install"),
            given.text("gateway"),
        );
    }
    text
}

pub(super) fn edge(given: &Given) -> String {
    let folder = given.text("folder");
    let files = if obtains_certificates(given) {
        String::new()
    } else {
        let (certificate, key) = (given.text("certificate"), given.text("certificate_key"));
        format!("[[tls.certificates]]\ncertificate = {certificate:?}\nkey = {key:?}\n")
    };
    format!(
        "# Written by `control init`. Every key is explained in\n\
         # /usr/share/doc/arcamatrix-edge/examples/edge.toml.\n\
         base_domain = {:?}\nsite_url = {:?}\nlisten = [{:?}]\nadmin_listen = {:?}\n\
         admin_token_file = \"{folder}/edge-admin-token\"\nsite_upstream = \"http://{}\"\n\
         keys_file = {:?}\nstore = \"{}/edge/routes.redb\"\n\
         \n[tls]\nlisten = [{:?}]\n{files}\
         \n[upstream]\nallow_http = {:?}\nallow_addresses = {:?}\n",
        given.text("base_domain"),
        site_url(given),
        given.text("listen"),
        given.text("edge_listen"),
        site_listen(given),
        keys_file(given),
        given.text("state_folder"),
        given.text("listen_tls"),
        given.private_networks,
        given.private_networks,
    )
}
