//! Which answer a key of the configuration is made of: whoever answers has not seen the file.

use std::collections::BTreeSet;
use std::path::Path;

use shared::process::Complaints;

use super::given::Given;

/// Where neither the key alone nor its section before it is the answer's name.
const ANSWERS: [(&str, &str); 12] = [
    ("base.files[0].from", "agent"),
    ("base.gateway", "gateway"),
    ("certificates.ca_file", "acme_ca_file"),
    ("certificates.contact", "contact_email"),
    ("certificates.directory", "acme_directory"),
    ("certificates.hook", "dns_hook"),
    ("edges[0].url", "edge_listen"),
    ("join.listen", "join_address"),
    ("resend.reply_to", "contact_email"),
    ("site_url", "site_port"),
    ("stripe.webhook_secrets", "stripe_webhook_secret"),
    ("upstream.allow_http", "private_networks"),
];

/// What is wrong with the configuration, said of the answers: one line for each of them.
pub(super) fn in_answers(path: &Path, complaints: &Complaints, given: &Given) -> Vec<String> {
    let mut told = BTreeSet::new();
    let mut lines = Vec::new();
    for line in complaints.lines() {
        // `control.toml:18: site.price: must look like …`
        let Some((key, rule)) = line.split_once(": ").and_then(|(_, said)| said.split_once(": "))
        else {
            lines.push(line.clone());
            continue;
        };
        // It is made of the domain, and can be no better.
        let is_consequence = key == "site_url" && told.contains("base_domain");
        let answer = answer(key, given);
        if !is_consequence && told.insert(answer.clone()) {
            lines.push(format!("{}: {answer}: {rule}", path.display()));
        }
    }
    lines
}

fn answer(key: &str, given: &Given) -> String {
    let made_of = match key {
        "site_listen" => Some(("site_listen", "join_address")),
        "resend.from" => Some(("resend_from", "operator")),
        _ => None,
    };
    if let Some((own, other)) = made_of {
        return if given.is_there(own) { own } else { other }.to_owned();
    }
    let known = ANSWERS.iter().find(|(made, _)| *made == key).map(|(_, answer)| *answer);
    let whole = key.replace('.', "_");
    let last = key.rsplit('.').next().unwrap_or(key);
    let known = known.or_else(|| [whole.as_str(), last].into_iter().find(|it| given.is_asked(it)));
    known.unwrap_or(key).to_owned()
}
