//! `control routes …`

use clap::Subcommand;
use reqwest::Method;
use shared::{Route, Username};

use super::client::ApiClient;
use super::output::{Output, list};
use super::published;
use crate::operator::responses::Published;
use crate::operator::routes::RouteBody;

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Every route.
    List,
    /// Put a workspace at an address, and wait until the edges serve it.
    Put {
        username: Username,
        #[command(flatten)]
        route: RouteBody,
        /// Do not wait for the edges.
        #[arg(long)]
        no_wait: bool,
    },
    /// Remove a route, and cut what is live on it.
    Remove {
        username: Username,
        /// Do not wait for the edges.
        #[arg(long)]
        no_wait: bool,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List => output.print(&api.all::<Route>("/api/routes", "").await?, |routes| {
            let rows: Vec<_> = routes.iter().map(row).collect();
            let header = ["USERNAME", "UPSTREAM", "SPRITE", "ASSIGNMENT", "STATE", "EPOCH"];
            list("no routes", &header, &rows)
        }),
        Command::Put { username, route, no_wait } => {
            let present = api.find::<Route>(&format!("/api/routes/{username}")).await?;
            if !may_put(present.as_ref(), &username, &route.upstream, output)? {
                return Ok(());
            }
            let path = format!("/api/routes/{username}?wait={}", waiting(no_wait));
            let body = serde_json::to_value(route)?;
            let published: Published = api.call(Method::PUT, &path, Some(body)).await?;
            published::print(&published, !no_wait, output)
        }
        Command::Remove { username, no_wait } => {
            let route: Route = api.show(&format!("/api/routes/{username}")).await?;
            let consequence = format!(
                "This takes {username} offline at once: the route to {} is removed on every \
                 edge, and what is live on it is cut.",
                route.upstream
            );
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            let path = format!("/api/routes/{username}?wait={}", waiting(no_wait));
            let published: Published = api.call(Method::DELETE, &path, None).await?;
            published::print(&published, !no_wait, output)
        }
    }
}

/// A first route hurts nobody; another one ends what is live on the one there is.
fn may_put(
    present: Option<&Route>,
    username: &Username,
    upstream: &str,
    output: Output,
) -> anyhow::Result<bool> {
    match present {
        Some(route) if route.upstream.to_string() != upstream => output.confirms(&format!(
            "This leads {username} to {upstream} instead of {}: what is live on the present \
             machine is cut.",
            route.upstream
        )),
        _ => output.is_meant(&format!("{username} would be led to {upstream}.")),
    }
}

fn row(route: &Route) -> Vec<String> {
    vec![
        route.username.to_string(),
        route.upstream.to_string(),
        route.sprite.to_string(),
        route.assignment.to_string(),
        route.state.as_str().to_owned(),
        route.epoch.to_string(),
    ]
}

fn waiting(no_wait: bool) -> &'static str {
    if no_wait { "none" } else { "all" }
}
