//! `[linear]`: where tickets are opened, and which.

use shared::process::Section;
use shared::{Secret, Upstream};

#[derive(Debug, Clone)]
pub struct LinearConfig {
    pub url: Upstream,
    /// Of a person: `lin_api_…`.
    pub api_key: Secret<String>,
    pub team: LinearTeam,
}

#[derive(Debug, Clone)]
pub struct LinearTeam {
    /// A UUID of Linear's.
    pub id: String,
    /// UUIDs of Linear's.
    pub labels: Vec<String>,
    /// Sign-ups and cancellations have tickets too.
    pub sign_ups: bool,
}

impl LinearConfig {
    pub(crate) fn from_section(linear: &mut Section<'_>) -> Option<Self> {
        let url = linear.required("url", Upstream::parse);
        let api_key = linear.secret("api_key", "api_key_file");
        let id = linear.required("team", uuid);
        let labels = linear.list("labels", uuid);
        let sign_ups = linear.flag("sign_ups", true);
        let team = LinearTeam { id: id?, labels, sign_ups };
        Some(Self { url: url?, api_key: api_key?, team })
    }
}

fn uuid(text: &str) -> Result<String, &'static str> {
    let lengths = text.split('-').map(str::len);
    let is_hex = text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-');
    if is_hex && lengths.eq([8, 4, 4, 4, 12]) {
        Ok(text.to_owned())
    } else {
        Err("is no UUID, as Linear's own pages show it")
    }
}
