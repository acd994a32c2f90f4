//! Customers' own domains: how each stands, since when, and what comes next.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::lists::{ListQuery, ROWS, failed};
use super::page::{Cell, Notice, Page, PageTemplate, Table, age, answer, until};
use super::session::signed_in;
use crate::app::SharedApp;
use crate::base::clock::Moment;
use crate::base::date::iso_time;
use crate::http::Query;
use crate::model::domain::{DomainStanding, OwnDomain};
use crate::store::accounts::domains::ListedDomain;

const PLACE: &str = "/console/domains";

pub(super) async fn list(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(query): Query<ListQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let domains = app.store.listed_domains(&query.after, ROWS).await.map_err(failed)?;
    let is_full = domains.len() == ROWS as usize;
    let next = domains.last().filter(|_| is_full);
    let next = next.map(|last| format!("{PLACE}?after={}", last.own.domain));
    let notice = app.domains.is_none().then(|| Notice {
        tone: "note",
        text: "Nobody may add one: there is no [domains], or no [certificates], in control.toml."
            .to_owned(),
    });
    let table = Table {
        title: "By name",
        header: vec![
            "Domain",
            "Workspace",
            "State",
            "Added",
            "Leads here",
            "Certificate until",
            "Next",
            "Why",
        ],
        rows: domains.iter().map(|domain| row(domain, app.now())).collect(),
        none: "No customer has one.",
    };
    let page =
        Page { title: "Domains".to_owned(), notice, tables: vec![table], next, ..Page::default() };
    Ok(answer(StatusCode::OK, &PageTemplate { frame: session.frame(PLACE), page }))
}

fn row(listed: &ListedDomain, now: Moment) -> Vec<Cell> {
    let ListedDomain { own, look } = listed;
    let standing = own.standing(now);
    let tone = match standing {
        DomainStanding::Live => "good",
        DomainStanding::Failed { .. } => "bad",
        DomainStanding::WaitingForDns { .. } | DomainStanding::FetchingCertificate => "warn",
    };
    let proven = own.record.proven.map(|since| format!("for {}", age(since.seconds(), now)));
    let expires = own.certificate.good.map(|(_, expires)| iso_time(expires)[..10].to_owned());
    vec![
        own.domain.as_str().into(),
        Cell::link(own.username.to_string(), format!("/console/workspaces/{}", own.username)),
        Cell::toned(standing.as_str().replace('_', " "), tone),
        format!("{} ago", age(own.added.seconds(), now)).into(),
        Cell::maybe(proven),
        Cell::maybe(expires),
        next(own, *look, now).into(),
        // Of one that is live, why the next certificate is late.
        Cell::maybe(standing.why().or(own.certificate.error.as_deref())),
    ]
}

/// What is tried next: an order that failed comes again, and the record is looked for.
fn next(own: &OwnDomain, look: Moment, now: Moment) -> String {
    let look = until(look.seconds(), now);
    let order = own.certificate.next_order.filter(|_| own.record.proven.is_some());
    match order {
        Some(order) => format!("order {}, look {look}", until(order.seconds(), now)),
        None => format!("look {look}"),
    }
}
