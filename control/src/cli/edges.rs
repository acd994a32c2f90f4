//! `control edges …`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use shared::process::named_file;

use super::client::ApiClient;
use super::output::{Output, age, dash, table};
use crate::base::clock::Moment;
use crate::base::date::Age;
use crate::operator::acts::edge_removal;
use crate::operator::edges::edge_name;
use crate::operator::responses::{EdgeToken, EdgeView, Edges};
use crate::operator::routes::origin;

#[derive(clap::Args, Clone)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand, Clone)]
enum Command {
    /// Which edge serves which generation; without a command as well.
    List,
    /// Make a token by which one machine joins as an edge, once.
    Token {
        /// What the edge will be called.
        #[arg(value_parser = edge_name)]
        name: String,
        /// How long it is good, 1 to 1440.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=1_440))]
        minutes: u64,
    },
    /// Add an edge that was configured by hand; it is sent the whole table at once.
    Add {
        #[arg(value_parser = edge_name)]
        name: String,
        /// Of its private API.
        #[arg(value_parser = origin)]
        url: String,
        /// What its private API takes from control: `admin_token`.
        #[arg(long)]
        token_file: PathBuf,
        /// Where visitors reach it, for checks that ask as they would.
        #[arg(long, value_parser = origin)]
        visitors: Option<String>,
        /// The only certificate that its private API is believed by, in PEM.
        #[arg(long)]
        ca_file: Option<PathBuf>,
    },
    /// Send an edge nothing more, and forget it.
    Remove {
        #[arg(value_parser = edge_name)]
        name: String,
    },
}

impl Arguments {
    /// It changes nothing.
    pub(super) fn only_look(&self) -> bool {
        matches!(self.command, None | Some(Command::List))
    }
}

pub(super) async fn run(
    arguments: Arguments,
    api: &ApiClient,
    output: Output,
) -> anyhow::Result<()> {
    match arguments.command.unwrap_or(Command::List) {
        Command::List => print(&api.show("/api/edges").await?, api, output),
        Command::Token { name, minutes } => {
            if !output.is_meant(&format!("A token for edge {name} would be made."))? {
                return Ok(());
            }
            let body = json!({ "name": name, "minutes": minutes });
            let made: EdgeToken = api.call(Method::POST, "/api/edge-tokens", Some(body)).await?;
            output.print(&made, |made| {
                let left = Moment::from_seconds(made.expires_at).since(api.now());
                format!(
                    "On the machine that is to be edge {name}, by root:\n\n    {}\n\nIt asks for \
                     this token, which is good once, for {}; whoever has it is told the key \
                     ring:\n\n{}",
                    made.command,
                    Age::of(left),
                    made.token
                )
            })
        }
        Command::Add { name, url, token_file, visitors, ca_file } => {
            if !output.is_meant(&format!("Edge {name} would be added."))? {
                return Ok(());
            }
            let body = json!({
                "name": name,
                "url": url,
                "token": read(&token_file)?.trim(),
                "visitors": visitors,
                "certificate": ca_file.as_deref().map(read).transpose()?,
            });
            print(&api.call(Method::POST, "/api/edges", Some(body)).await?, api, output)
        }
        Command::Remove { name } => {
            if !output.yes {
                let known: Edges = api.show("/api/edges").await?;
                ensure!(known.edges.iter().any(|it| it.name == name), "there is no edge {name}");
            }
            if !output.confirms(&edge_removal(&name))? {
                return Ok(());
            }
            let path = format!("/api/edges/{name}");
            print(&api.call(Method::DELETE, &path, None).await?, api, output)
        }
    }
}

fn read(path: &Path) -> anyhow::Result<String> {
    named_file::read_text(path).with_context(|| format!("cannot read {}", path.display()))
}

fn print(edges: &Edges, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    output.print(edges, |edges| to_table(edges, api.now()))
}

fn to_table(edges: &Edges, now: Moment) -> String {
    let rows: Vec<_> = edges.edges.iter().map(|edge| row(edge, now)).collect();
    let header = ["EDGE", "URL", "GENERATION", "LAG", "STATE", "HEARD", "ERROR"];
    format!("generation {}\n{}", edges.generation, table(&header, &rows))
}

fn row(edge: &EdgeView, now: Moment) -> Vec<String> {
    let state = match (edge.reachable, edge.in_step) {
        (true, true) => "in step",
        (true, false) => "behind",
        (false, _) => "unreachable",
    };
    vec![
        edge.name.clone(),
        edge.url.clone(),
        edge.generation.map_or_else(dash, |generation| generation.to_string()),
        edge.lag.map_or_else(dash, |lag| lag.to_string()),
        state.to_owned(),
        edge.last_heard.map_or_else(dash, |heard| age(heard, now)),
        edge.error.clone().unwrap_or_default(),
    ]
}
