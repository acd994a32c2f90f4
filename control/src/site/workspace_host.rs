//! Which workspace's host a request came to, or somebody means.

use shared::host::host_name;
use shared::{Domain, Host, Username};

use crate::app::App;
use crate::base::typed;
use crate::http::Problem;
use crate::model::handover::WorkspaceHost;

/// The workspace that is reached at `host`, which is none of our own.
pub(super) async fn at_domain(app: &App, host: &str) -> Result<Option<WorkspaceHost>, Problem> {
    let Ok(domain) = Domain::parse(&host_name(host)) else { return Ok(None) };
    let username = workspace_at(app, &domain).await?;
    Ok(username.map(|username| WorkspaceHost { username, domain: Some(domain) }))
}

/// What was typed for a name: the name alone, where it is the workspace's whole address, as it
/// stands in the browser's address line.
pub(super) fn name_of_address(app: &App, typed: &str) -> String {
    let plain = typed::plain(typed);
    let host = plain.split_once("://").map_or(&*plain, |(_scheme, rest)| rest);
    let host = host.split_once('/').map_or(host, |(host, _path)| host);
    match app.site.classify(&host.to_ascii_lowercase()) {
        Host::Workspace(username) => username.to_string(),
        Host::Site | Host::Unknown => typed.to_owned(),
    }
}

/// Whose workspace is reached at `domain`.
pub(super) async fn workspace_at(app: &App, domain: &Domain) -> Result<Option<Username>, Problem> {
    if app.domains.is_none() {
        return Ok(None);
    }
    Ok(app.store.workspace_at(domain, app.now()).await?)
}
