//! What the account page shows of a customer's own domains.

use shared::Username;

use super::language::Language;
use super::words::domain::{DomainText, lost};
use crate::app::App;
use crate::http::Problem;
use crate::model::domain::{DomainStanding, OwnDomain};

/// What the account page shows; nothing where nobody may bring one.
pub(super) struct DomainSection {
    pub(super) text: &'static DomainText,
    pub(super) domains: Vec<ShownDomain>,
    pub(super) lost: Vec<LostDomain>,
    pub(super) may_add: bool,
    /// What the record has to name.
    pub(super) target: String,
}

/// It was theirs to prove, and another workspace has added it since.
pub(super) struct LostDomain {
    pub(super) name: String,
    pub(super) told: String,
}

pub(super) struct ShownDomain {
    pub(super) name: String,
    /// For programs, too.
    pub(super) state: &'static str,
    pub(super) standing: &'static str,
    pub(super) seen: Option<String>,
    /// Where it is live.
    pub(super) url: Option<String>,
    /// Is there still a record to be set?
    pub(super) is_waiting: bool,
}

pub(super) async fn section(
    app: &App,
    username: &Username,
    language: Language,
) -> Result<Option<DomainSection>, Problem> {
    let Some(service) = &app.domains else { return Ok(None) };
    let text = DomainText::of(language);
    let own = service.of(username).await?;
    let may_add = (own.len() as u64) < service.most();
    let domains = own.iter().map(|domain| shown(app, text, domain)).collect();
    let lost = service.lost(username).await?.into_iter().map(|(domain, at)| {
        let (name, told) = (domain.to_string(), lost(language, &domain, at));
        LostDomain { name, told }
    });
    let (lost, target) = (lost.collect(), service.target(username));
    Ok(Some(DomainSection { text, domains, lost, may_add, target }))
}

fn shown(app: &App, text: &'static DomainText, own: &OwnDomain) -> ShownDomain {
    let standing = own.standing(app.now());
    let url = app.site.origin_at(&own.username, Some(&own.domain));
    ShownDomain {
        name: own.domain.to_string(),
        state: standing.as_str(),
        standing: text.standing(&standing),
        seen: standing.why().map(str::to_owned),
        url: (standing == DomainStanding::Live).then_some(url),
        is_waiting: matches!(standing, DomainStanding::WaitingForDns { .. }),
    }
}
