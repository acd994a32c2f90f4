//! What a page of the operator's consists of, whatever it is about.

use std::borrow::Cow;

use askama::Template;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use tracing::error;

use crate::accounts::operators::Operator;
use crate::base::clock::Moment;
use crate::base::date::Age;
use crate::http::Problem;
use crate::operator::acts::Asked;
use crate::site::assets;

/// What stands around every page.
pub(super) struct Frame<'a> {
    /// Who is signed in.
    pub(super) operator: Option<&'a Operator>,
    /// What a form must bring back.
    pub(super) csrf: String,
    /// The path of the tab that is open.
    pub(super) tab: &'static str,
}

impl Frame<'_> {
    const TABS: [(&'static str, &'static str); 11] = [
        ("/console", "Is all well?"),
        ("/console/workspaces", "Workspaces"),
        ("/console/domains", "Domains"),
        ("/console/pool", "Pool"),
        ("/console/tasks", "Tasks"),
        ("/console/edges", "Edges"),
        ("/console/letters", "Letters"),
        ("/console/tickets", "Tickets"),
        ("/console/pflaster", "Pflaster"),
        ("/console/money", "Money"),
        ("/console/journal", "Journal"),
    ];

    fn is_open(&self, path: &str) -> bool {
        self.tab == path
    }

    /// On this listener, as the site has it on its own.
    fn asset(&self, name: &str) -> String {
        assets::url("", name)
    }
}

#[derive(Default)]
pub(super) struct Page {
    pub(super) title: String,
    pub(super) notice: Option<Notice>,
    /// With what was searched for.
    pub(super) search: Option<String>,
    pub(super) links: Vec<Link>,
    pub(super) promises: Vec<PromiseRow>,
    pub(super) facts: Vec<Fact>,
    pub(super) buttons: Vec<Button>,
    /// The last entry of the journal about what the buttons change.
    pub(super) seen: String,
    pub(super) tables: Vec<Table>,
    /// Has the form for a token by which a machine joins.
    pub(super) lets_join: bool,
    pub(super) next: Option<String>,
}

pub(super) struct Notice {
    /// A class of the style sheet: `note`, `warning` or `error`.
    pub(super) tone: &'static str,
    pub(super) text: String,
}

pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: &'static str,
    pub(super) is_here: bool,
}

pub(super) struct PromiseRow {
    pub(super) name: String,
    pub(super) tone: &'static str,
    pub(super) mark: &'static str,
    pub(super) says: String,
    pub(super) todo: Option<String>,
    pub(super) href: Option<&'static str>,
}

pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) href: Option<String>,
}

pub(super) struct Button {
    pub(super) label: Cow<'static, str>,
    pub(super) act: &'static str,
    pub(super) on: String,
    /// A question comes first.
    pub(super) asks: bool,
}

pub(super) struct Table {
    pub(super) title: &'static str,
    pub(super) header: Vec<&'static str>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// What stands instead of no rows.
    pub(super) none: &'static str,
}

pub(super) struct Cell {
    pub(super) text: String,
    pub(super) href: Option<String>,
    /// `bad`, `warn`, `good` or nothing.
    pub(super) tone: &'static str,
}

impl Table {
    fn cells<'a>(&'a self, row: &'a [Cell]) -> impl Iterator<Item = (&'static str, &'a Cell)> {
        self.header.iter().copied().zip(row)
    }
}

impl Cell {
    pub(super) fn link(text: impl Into<String>, href: impl Into<String>) -> Self {
        Self { href: Some(href.into()), ..Self::from(text.into()) }
    }

    pub(super) fn toned(text: impl Into<String>, tone: &'static str) -> Self {
        Self { tone, ..Self::from(text.into()) }
    }

    /// Nothing where there is nothing.
    pub(super) fn maybe(text: Option<impl Into<String>>) -> Self {
        Self::from(text.map(Into::into).unwrap_or_default())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self { text, href: None, tone: "" }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl Fact {
    pub(super) fn new(name: &'static str, text: impl Into<String>) -> Self {
        Self { name, text: text.into(), href: None }
    }
}

#[derive(Template)]
#[template(path = "console/page.html")]
pub(super) struct PageTemplate<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) page: Page,
}

#[derive(Template)]
#[template(path = "console/sign_in.html")]
pub(super) struct SignInTemplate<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) error: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/question.html")]
pub(super) struct QuestionTemplate<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) label: &'static str,
    pub(super) consequence: String,
    pub(super) act: String,
    pub(super) on: String,
    pub(super) seen: String,
    pub(super) asks_for: Option<Asked>,
    pub(super) typed: String,
    pub(super) error: Option<String>,
    pub(super) back: String,
}

/// How long ago it was, in unix seconds.
pub(super) fn age(seconds: u64, now: Moment) -> String {
    Age::of(now.since(Moment::from_seconds(seconds))).to_string()
}

/// When it comes, which may be now.
pub(super) fn until(seconds: u64, now: Moment) -> String {
    let left = Moment::from_seconds(seconds).since(now);
    if left.is_zero() { "now".to_owned() } else { format!("in {}", Age::of(left)) }
}

/// When a task is tried next, where it will be.
pub(super) fn next_attempt(state: &str, run_at: u64, now: Moment) -> String {
    match state {
        "waiting" => until(run_at, now),
        "running" => "running".to_owned(),
        _ => String::new(),
    }
}

pub(super) fn answer(status: StatusCode, page: &impl Template) -> Response {
    let html = match page.render() {
        Ok(html) => html,
        Err(cause) => {
            error!("a page could not be rendered: {cause}");
            return Problem::internal().into_response();
        }
    };
    // Nothing but our own, and nothing in the page; nobody puts it into a frame.
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                  font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                  frame-ancestors 'none'";
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
        (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (status, headers, html).into_response()
}

/// 303: what follows is a look, and a reload does nothing again.
pub(super) fn see_other(location: &str) -> Response {
    let location = HeaderValue::try_from(location).unwrap_or(HeaderValue::from_static("/console"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response()
}
