//! `control customers …`
//!
//! Passwords come from standard input: arguments are seen by every process and
//! kept in the shell's history.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use shared::Username;

use super::client::ApiClient;
use super::output::{Output, table};
use crate::accounts::passwords;
use crate::operator::responses::{CustomerView, Published};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Every customer.
    List,
    /// Add a customer.
    Add {
        username: Username,
        email: String,
        /// Read the password from standard input; without it nobody can sign in yet.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set a password, read from standard input; ends every session.
    Password {
        username: Username,
        /// Standard input is read with or without it.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Close a workspace, keeping everything in it.
    Suspend { username: Username },
    /// Lift a suspension by an operator; the workspace opens unless another reason stands.
    Resume { username: Username },
    /// End every session of a customer.
    SignOut { username: Username },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List => {
            let customers = api.all::<CustomerView>("/api/customers").await?;
            output.print(&customers, |customers| {
                let rows: Vec<_> = customers.iter().map(row).collect();
                table(&["USERNAME", "E-MAIL", "STATE", "PASSWORD", "WORKSPACE"], &rows)
            })
        }
        Command::Add { username, email, password_stdin } => {
            let password = if password_stdin { Some(read_password()?) } else { None };
            let body = json!({ "username": username, "email": email, "password": password });
            let customer: CustomerView =
                api.call(Method::POST, "/api/customers", Some(body)).await?;
            output.print(&customer, |customer| {
                format!("added {}: {}", customer.username, customer.workspace_url)
            })
        }
        Command::Password { username, password_stdin: _ } => {
            let body = json!({ "password": read_password()? });
            change(api, &username, "password", Some(body), output).await
        }
        Command::Suspend { username } => change(api, &username, "suspend", None, output).await,
        Command::Resume { username } => change(api, &username, "resume", None, output).await,
        Command::SignOut { username } => {
            change(api, &username, "sign-out-everywhere", None, output).await
        }
    }
}

async fn change(
    api: &ApiClient,
    username: &Username,
    what: &str,
    body: Option<Value>,
    output: Output,
) -> anyhow::Result<()> {
    let path = format!("/api/customers/{username}/{what}");
    let published: Published = api.call(Method::POST, &path, body).await?;
    output.print_published(&published)
}

fn row(customer: &CustomerView) -> Vec<String> {
    vec![
        customer.username.to_string(),
        customer.email.clone(),
        match customer.suspended_for.as_slice() {
            [] if customer.suspended => "suspended".to_owned(),
            [] => "active".to_owned(),
            reasons => format!("suspended ({})", reasons.join(", ")),
        },
        if customer.has_password { "set" } else { "none" }.to_owned(),
        customer.workspace_url.clone(),
    ]
}

/// One line; its end does not count.
fn read_password() -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        // Not a failure worth stopping for: the prompt is a courtesy.
        let _unseen = writeln!(io::stderr(), "password (it will be visible), then Enter:");
        let mut line = String::new();
        io::stdin().read_line(&mut line).context("cannot read the password")?;
        return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
    }
    let most = u64::try_from(passwords::MAX_BYTES + 3).expect("small");
    let mut text = String::new();
    io::stdin().take(most).read_to_string(&mut text).context("cannot read the password")?;
    let password = text.trim_end_matches(['\r', '\n']);
    ensure!(!password.is_empty(), "standard input holds no password");
    Ok(password.to_owned())
}
