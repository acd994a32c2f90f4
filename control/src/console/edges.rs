//! Edges: how each stands, how one is removed, and a token by which one joins.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;

use super::details::DoneQuery;
use super::lists::failed;
use super::page::{Cell, Fact, Link, Notice, Page, PageTemplate, Table, age, answer};
use super::session::signed_in;
use crate::app::{App, SharedApp};
use crate::base::clock::Moment;
use crate::http::{Form, Problem, Query};
use crate::operator::edges::token_for;
use crate::operator::responses::EdgeView;
use crate::store::{ActBegun, JournalFilter, StoreError};

const PLACE: &str = "/console/edges";

pub(super) async fn list(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Query(done): Query<DoneQuery>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    let status = crate::operator::status::status(&app).await.map_err(failed)?;
    let newest = app.store.journal(&JournalFilter::default(), 1).await.map_err(failed)?;
    let seen = newest.into_iter().next().map(|entry| entry.id).unwrap_or_default();
    let table = Table {
        title: "All of them",
        header: vec!["Edge", "State", "Serves", "Behind by", "Heard of", "At", "Error", "Remove"],
        rows: status.edges.iter().map(|edge| row(edge, &seen, app.now())).collect(),
        none: "There is no edge yet.",
    };
    let page = Page {
        title: "Edges".to_owned(),
        notice: done.notice(),
        facts: vec![Fact::new("Generation", status.generation.to_string())],
        tables: vec![table],
        lets_join: app.join.is_some(),
        ..Page::default()
    };
    Ok(answer(StatusCode::OK, &PageTemplate { frame: session.frame(PLACE), page }))
}

fn row(edge: &EdgeView, seen: &str, now: Moment) -> Vec<Cell> {
    let state = match (edge.reachable, edge.in_step) {
        (true, true) => Cell::toned("in step", "good"),
        (true, false) => Cell::toned("behind", "warn"),
        (false, _) => Cell::toned("not reached", "bad"),
    };
    let removal = if edge.configured {
        Cell::from("in control.toml")
    } else {
        let href = format!("/console/act?act=remove-edge&on={}&seen={seen}", edge.name);
        Cell::link("Remove …", href)
    };
    vec![
        edge.name.as_str().into(),
        state,
        Cell::maybe(edge.generation.map(|it| it.to_string())),
        Cell::maybe(edge.lag.map(|it| it.to_string())),
        Cell::maybe(edge.last_heard.map(|at| format!("{} ago", age(at, now)))),
        edge.url.as_str().into(),
        Cell::maybe(edge.error.as_deref()),
        removal,
    ]
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct TokenForm {
    name: String,
    csrf: String,
}

/// Shown once: it is in no other page, and not in the journal.
pub(super) async fn make_token(
    State(app): State<SharedApp>,
    headers: HeaderMap,
    Form(form): Form<TokenForm>,
) -> Result<Response, Response> {
    let session = signed_in(&app, &headers).await?;
    session.check_form(&headers, &form.csrf).map_err(Problem::into_response)?;
    let made = match session.check_role() {
        Ok(()) => token_for(&app, form.name.trim()).await,
        Err(refused) => Err(refused),
    };
    let back = |text| Link { href: PLACE.to_owned(), text, is_here: false };
    let page = match &made {
        Ok(made) => {
            let begun = note(&app, &session.operator.name, form.name.trim()).await;
            begun.map_err(|error| Problem::from(error).into_response())?;
            let minutes = age(app.now().seconds(), Moment::from_seconds(made.expires_at));
            Page {
                title: "A token".to_owned(),
                notice: Some(Notice {
                    tone: "warning",
                    text: format!(
                        "Whoever has it becomes an edge and is told the key ring. It is good \
                         once, for {minutes}, and is not shown again."
                    ),
                }),
                facts: vec![
                    Fact::new("On the machine, by root", made.command.clone()),
                    Fact::new("It asks for the token", made.token.clone()),
                ],
                links: vec![back("Edges")],
                ..Page::default()
            }
        }
        Err(problem) => Page {
            title: "Nothing was changed".to_owned(),
            notice: Some(Notice { tone: "error", text: problem.message.to_string() }),
            links: vec![back("Back")],
            ..Page::default()
        },
    };
    let status = made.map_or_else(|problem| problem.status, |_| StatusCode::OK);
    Ok(answer(status, &PageTemplate { frame: session.frame(PLACE), page }))
}

async fn note(app: &App, operator: &str, edge: &str) -> Result<(), StoreError> {
    let subject = format!("edge {edge}");
    let begun = app.store.begin_act(operator, &subject, "token", None, app.now()).await?;
    if let ActBegun::Yes(id) = begun {
        app.store.end_act(&id, "A token was made.").await?;
    }
    Ok(())
}
