//! `control customers …`
//!
//! Passwords come from standard input: arguments are seen by every process and
//! kept in the shell's history.

use std::io::{self, IsTerminal as _, Read as _, Write as _};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use reqwest::Method;
use serde_json::{Value, json};
use shared::{Domain, Language, Username};
use url::form_urlencoded::Serializer;

use super::client::ApiClient;
use super::dossier;
use super::output::{Output, age, dash, list};
use super::published;
use crate::accounts::passwords;
use crate::base::clock::Moment;
use crate::base::email_address::Email;
use crate::model::workspace::WorkspaceState;
use crate::operator::domains::DomainView;
use crate::operator::receipts::ErasureView;
use crate::operator::reinstatement::ReinstatementView;
use crate::operator::responses::{CustomerView, Published};
use crate::operator::support_views::{WorkspaceDetails, WorkspaceView};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Every customer, also those whose workspace has ended.
    List {
        /// Only those that are preparing, live, suspended, ending or ended.
        #[arg(long, value_parser = WorkspaceState::parse)]
        state: Option<WorkspaceState>,
        /// Only those with this in their name, address or machine, or with this id of
        /// Stripe's.
        #[arg(long)]
        search: Option<String>,
    },
    /// Everything about one: plan, route, machine, sessions, tasks, letters, checks.
    Show {
        /// A username, or an e-mail address.
        #[arg(value_name = "NAME|EMAIL", value_parser = whom)]
        whom: Whom,
    },
    /// Add a customer.
    Add {
        username: Username,
        #[arg(value_parser = email)]
        email: Email,
        /// Read the password from standard input; without it nobody can sign in yet.
        #[arg(long)]
        password_stdin: bool,
        /// In which they are written to until they choose another: en or de.
        #[arg(long, default_value = "en")]
        language: Language,
    },
    /// Set a password, read from standard input; ends every session.
    Password {
        username: Username,
        /// Standard input is read with or without it.
        #[arg(long)]
        password_stdin: bool,
    },
    /// Set the address at which a customer is written to; the former one is told.
    SetEmail {
        username: Username,
        #[arg(value_parser = email)]
        email: Email,
    },
    /// Take away a domain of a customer's own: nobody reaches the workspace by it any more.
    RemoveDomain {
        username: Username,
        #[arg(value_parser = Domain::parse_typed)]
        domain: Domain,
    },
    /// Close a workspace, keeping everything in it.
    Suspend { username: Username },
    /// Lift a suspension by an operator; the workspace opens unless another reason stands.
    Resume { username: Username },
    /// End every session of a customer.
    SignOut { username: Username },
    /// Delete everything about a customer: access, subscription, machine and account.
    Erase { username: Username },
    /// Give a customer their name back whose workspace ended by a dispute that was won, or by a
    /// refund that was a mistake: they may order again at once.
    Reinstate { username: Username },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::List { state, search } => {
            let mut query = Serializer::new(String::new());
            query.extend_pairs(state.map(|state| ("state", state.as_str())));
            query.extend_pairs(search.map(|search| ("search", search)));
            let query = format!("&{}", query.finish());
            let customers = api.all::<WorkspaceView>("/api/workspaces", &query).await?;
            output.print(&customers, |customers| {
                let rows: Vec<_> = customers.iter().map(|it| row(it, api.now())).collect();
                let header = ["USERNAME", "E-MAIL", "STATE", "PLAN", "PASSWORD", "MACHINE", "AGE"];
                list("no customers", &header, &rows)
            })
        }
        Command::Show { whom } => {
            let username = find(api, whom).await?;
            let details: WorkspaceDetails =
                api.show(&format!("/api/workspaces/{username}")).await?;
            output.print(&details, |details| dossier::text(details, api.now()))
        }
        Command::Add { username, email, password_stdin, language } => {
            if !output.is_meant(&format!("{username} would be added for {email}."))? {
                return Ok(());
            }
            let password = if password_stdin { Some(read_password()?) } else { None };
            let body = json!({
                "username": username, "email": email.as_str(), "password": password,
                "language": language.tag(),
            });
            let customer: CustomerView =
                api.call(Method::POST, "/api/customers", Some(body)).await?;
            output.print(&customer, |customer| {
                format!("added {}: {}", customer.username, customer.workspace_url)
            })
        }
        Command::Password { username, password_stdin: _ } => {
            ensure_known(api, &username, output).await?;
            let consequence = format!(
                "This sets another password for {username}, and signs out every browser of \
                 theirs."
            );
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            let body = json!({ "password": read_password()? });
            change(api, &username, "password", Some(body), output).await
        }
        Command::SetEmail { username, email } => set_email(api, &username, &email, output).await,
        Command::RemoveDomain { username, domain } => {
            remove_domain(api, &username, &domain, output).await
        }
        Command::Suspend { username } => {
            ensure_known(api, &username, output).await?;
            let consequence = format!(
                "This closes the workspace {username} now: its sockets are cut, and nobody gets \
                 in until it is resumed. Everything in it is kept."
            );
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            change(api, &username, "suspend", None, output).await
        }
        Command::Resume { username } => {
            ensure_known(api, &username, output).await?;
            if !output.is_meant(&format!("{username} would be opened again."))? {
                return Ok(());
            }
            change(api, &username, "resume", None, output).await
        }
        Command::Reinstate { username } => {
            if !output.is_meant(&format!("The name {username} would be free to be ordered."))? {
                return Ok(());
            }
            let path = format!("/api/customers/{username}/reinstate");
            let view: ReinstatementView = api.call(Method::POST, &path, None).await?;
            output.print(&view, |view| {
                let ReinstatementView { username, order_at, .. } = view;
                format!(
                    "{username} may be ordered again at {order_at}. Their address is not kept: \
                     write to them."
                )
            })
        }
        Command::Erase { username } => erase(api, &username, output).await,
        Command::SignOut { username } => {
            ensure_known(api, &username, output).await?;
            let consequence =
                format!("This signs out every browser of {username}, and cuts what is live.");
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            change(api, &username, "sign-out-everywhere", None, output).await
        }
    }
}

fn email(text: &str) -> Result<Email, String> {
    Email::parse(text).map_err(|error| error.to_string())
}

/// Who is not there is said before anybody is asked, and in a dry run: a name with a typing error
/// is nobody's.
async fn ensure_known(api: &ApiClient, username: &Username, output: Output) -> anyhow::Result<()> {
    // The call itself says it, and nothing stands before what takes access away.
    if !output.yes {
        let _: CustomerView = api.show(&format!("/api/customers/{username}")).await?;
    }
    Ok(())
}

async fn set_email(
    api: &ApiClient,
    username: &Username,
    email: &Email,
    output: Output,
) -> anyhow::Result<()> {
    ensure_known(api, username, output).await?;
    let email = email.as_str();
    let consequence = format!(
        "This sends letters and receipts for {username} to {email}, and with them links \
         for a new password. Links that went to the former address open nothing any more."
    );
    if !output.confirms(&consequence)? {
        return Ok(());
    }
    let path = format!("/api/customers/{username}/email");
    let body = json!({ "email": email });
    let customer: CustomerView = api.call(Method::POST, &path, Some(body)).await?;
    output.print(&customer, |customer| {
        format!("{} is written to at {}", customer.username, customer.email)
    })
}

async fn remove_domain(
    api: &ApiClient,
    username: &Username,
    domain: &Domain,
    output: Output,
) -> anyhow::Result<()> {
    if !output.yes {
        let details: WorkspaceDetails = api.show(&format!("/api/workspaces/{username}")).await?;
        let is_theirs = details.domains.iter().any(|own| own.domain == *domain);
        ensure!(is_theirs, "the workspace {username} has no domain {domain}");
    }
    let consequence = format!(
        "This takes {domain} away from {username}: its certificate is forgotten, and what is live \
         at the workspace is cut and has to connect again."
    );
    if !output.confirms(&consequence)? {
        return Ok(());
    }
    let path = format!("/api/customers/{username}/domains/{domain}");
    let removed: DomainView = api.call(Method::DELETE, &path, None).await?;
    output.print(&removed, |removed| format!("{} is taken away from {username}", removed.domain))
}

async fn erase(api: &ApiClient, username: &Username, output: Output) -> anyhow::Result<()> {
    ensure_known(api, username, output).await?;
    let consequence = format!(
        "This deletes everything about {username} for good: the machine with all that is \
         in it, the subscription and the account."
    );
    if !output.confirms(&consequence)? {
        return Ok(());
    }
    let path = format!("/api/customers/{username}/erase");
    let erased: ErasureView = api.call(Method::POST, &path, None).await?;
    output.print(&erased, |erased| match &erased.task {
        Some(task) => format!(
            "{username} is closed; {task} deletes the rest. `control workspaces receipt \
             {username}` has the receipt when it is done"
        ),
        None => format!("{username} is deleted"),
    })
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
    published::print(&published, true, output)
}

/// How a customer is named on the command line.
#[derive(Debug, Clone)]
pub(super) enum Whom {
    Username(Username),
    Email(String),
}

fn whom(text: &str) -> Result<Whom, String> {
    if text.contains('@') {
        return Ok(Whom::Email(text.to_owned()));
    }
    let username = Username::parse(text).map(Whom::Username);
    username.map_err(|error| format!("no username and no address: {error}"))
}

/// The one workspace that is meant.
async fn find(api: &ApiClient, whom: Whom) -> anyhow::Result<Username> {
    let whom = match whom {
        Whom::Username(username) => return Ok(username),
        Whom::Email(email) => email,
    };
    let query = Serializer::new(String::new()).append_pair("search", &whom).finish();
    let found = api.all::<WorkspaceView>("/api/workspaces", &format!("&{query}")).await?;
    let is_meant = |it: &&WorkspaceView| {
        it.email.as_deref().is_some_and(|email| email.eq_ignore_ascii_case(&whom))
    };
    let names: Vec<_> = found.iter().filter(is_meant).map(|it| it.username).collect();
    match names.as_slice() {
        [] => bail!("nobody has a workspace under {whom}; one that has ended is found by its name"),
        [username] => Ok(*username),
        names => {
            let names: Vec<_> = names.iter().map(ToString::to_string).collect();
            bail!("{whom} has several workspaces, name one: {}", names.join(", "))
        }
    }
}

fn row(customer: &WorkspaceView, now: Moment) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(dash);
    vec![
        customer.username.to_string(),
        or_dash(&customer.email),
        customer.standing(),
        or_dash(&customer.subscription_status),
        if customer.has_password { "set" } else { "none" }.to_owned(),
        or_dash(&customer.sprite),
        customer.created_at.map_or_else(dash, |at| age(at, now)),
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
