//! `control tickets …`

use clap::Subcommand;

use super::client::ApiClient;
use super::output::{Output, dash, table};
use crate::operator::responses::{TicketView, Tickets};

#[derive(Subcommand)]
pub(super) enum Command {
    /// Incidents, the newest first.
    List {
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let Command::List { limit } = command;
    let tickets: Tickets = api.show(&format!("/api/tickets?limit={limit}")).await?;
    output.print(&tickets.items, |tickets| {
        let rows: Vec<_> = tickets.iter().map(row).collect();
        table(&["TICKET", "PRIORITY", "TITLE", "INCIDENT"], &rows)
    })
}

fn row(ticket: &TicketView) -> Vec<String> {
    vec![
        ticket.identifier.clone().unwrap_or_else(dash),
        ticket.priority.clone(),
        ticket.title.clone(),
        ticket.incident.clone(),
    ]
}
