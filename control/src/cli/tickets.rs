//! `control tickets …`

use clap::Subcommand;

use super::client::ApiClient;
use super::output::{Output, age, dash, list, one_line, until};
use crate::base::clock::Moment;
use crate::operator::responses::{TicketView, Tickets};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// Incidents, the newest first.
    List {
        /// How many at most, 1 to 1000.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    let Command::List { limit } = command;
    let tickets: Tickets = api.show(&format!("/api/tickets?limit={limit}")).await?;
    output.print(&tickets.items, |tickets| {
        let rows: Vec<_> = tickets.iter().map(|ticket| row(ticket, api.now())).collect();
        let header = ["TICKET", "PRIORITY", "AGE", "NEXT", "TITLE", "INCIDENT", "WHY"];
        list("no incidents", &header, &rows)
    })
}

fn row(ticket: &TicketView, now: Moment) -> Vec<String> {
    vec![
        ticket.identifier.clone().unwrap_or_else(dash),
        ticket.priority.clone(),
        age(ticket.created_at, now),
        ticket.next_attempt_at.map_or_else(dash, |next| until(next, now)),
        ticket.title.clone(),
        ticket.incident.clone(),
        ticket.why.as_deref().map(one_line).unwrap_or_default(),
    ]
}
