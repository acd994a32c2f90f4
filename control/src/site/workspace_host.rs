//! Which workspace's host a request came to.

use shared::host::host_name;
use shared::{Domain, Username};

use crate::app::App;
use crate::http::Problem;
use crate::model::handover::WorkspaceHost;

/// The workspace that is reached at `host`, which is none of our own.
pub(super) async fn at_domain(app: &App, host: &str) -> Result<Option<WorkspaceHost>, Problem> {
    let Ok(domain) = Domain::parse(&host_name(host)) else { return Ok(None) };
    let username = workspace_at(app, &domain).await?;
    Ok(username.map(|username| WorkspaceHost { username, domain: Some(domain) }))
}

/// Whose workspace is reached at `domain`.
pub(super) async fn workspace_at(app: &App, domain: &Domain) -> Result<Option<Username>, Problem> {
    if app.domains.is_none() {
        return Ok(None);
    }
    Ok(app.store.workspace_at(domain, app.now()).await?)
}
