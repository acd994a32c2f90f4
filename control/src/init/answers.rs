//! The answers, checked together, and the files they make.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use shared::process::{Complaints, Document};
use shared::{KeyId, KeyRing, Secret};

use super::given::Given;
use super::toml_text::quoted;
use super::{origin, templates};
use crate::base::token::Token;
use crate::serve::config::Config;

/// The texts of the files, with which nothing is wrong.
pub struct Answers {
    pub base_domain: String,
    pub control: Secret<String>,
    pub edge: String,
    pub keys: Secret<String>,
    pub edge_token: Secret<String>,
    /// Which the edge ends TLS by, where control does not obtain one.
    pub certificate: Option<PathBuf>,
    /// Parts of the service that are left out for now.
    pub lacking: Vec<&'static str>,
}

/// # Errors
/// Every complaint about the answers, and about what is made of them.
pub(super) fn read(path: &Path, text: String) -> Result<Answers, Complaints> {
    let document = Document::from_text(path, text);
    let mut given = None;
    let read = document.check(|root| {
        given = Given::read(root);
        Some(())
    });
    let Some(given) = given else { return Err(read.expect_err("it lacks something")) };
    let keys = KeyRing::generate_toml(&KeyId::parse("k1").expect("k1 is an id"));
    let (admin_key, edge_token) = (Token::random(), Token::random());
    let control = templates::control(&given, admin_key.expose(), edge_token.expose());
    let checked = check_control(&control, &given, &keys);
    let read = read.err().map(|read| read.lines().to_vec()).unwrap_or_default();
    let checked = checked.err().map(|checked| origin::in_answers(path, &checked, &given));
    let lines = [read, checked.unwrap_or_default()].concat();
    if !lines.is_empty() {
        return Err(Complaints::found_later(lines));
    }
    let parts = [
        ("stripe_secret_key", "[stripe]: nobody can sign up yet"),
        ("resend_api_key", "[resend]: no letter is sent yet"),
        ("sprites_token", "[sprites] and [base]: there are no machines yet"),
        ("linear_api_key", "[linear]: incidents are noted in `control tickets list` only"),
    ];
    let lacking = parts.into_iter().filter(|(key, _)| !given.is_there(key));
    Ok(Answers {
        base_domain: given.text("base_domain").to_owned(),
        control: Secret::new(control),
        edge: templates::edge(&given),
        keys: Secret::new(keys),
        edge_token: Secret::new(edge_token.expose().to_owned()),
        certificate: (!templates::obtains_certificates(&given))
            .then(|| given.text("certificate").into()),
        lacking: lacking.map(|(_, what)| what).collect(),
    })
}

/// What the program itself says of it. The ring is not in its place yet.
fn check_control(text: &str, given: &Given, keys: &str) -> Result<(), Complaints> {
    let failed = |error: std::io::Error| {
        Complaints::found_later(vec![format!("the answers cannot be checked: {error}")])
    };
    let folder = std::env::temp_dir().join(format!("control-init-{}", std::process::id()));
    // The ring in it is the one that will be used.
    std::fs::DirBuilder::new().mode(0o700).create(&folder).map_err(failed)?;
    let ring = folder.join("keys.toml");
    let written = std::fs::write(&ring, keys).map_err(failed);
    let keys_file = |path: &str| format!("keys_file = {}", quoted(path));
    let text = text
        .replace(&keys_file(&templates::keys_file(given)), &keys_file(&ring.display().to_string()));
    let document = Document::from_text(Path::new("control.toml"), text);
    let checked = Config::from_document(&document, None);
    std::fs::remove_dir_all(&folder).map_err(failed)?;
    written?;
    checked.map(drop)
}
