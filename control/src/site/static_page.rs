//! Legal, privacy and contact: the operator's own texts, or ours.

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::page::{self, Frame};
use crate::app::site_config::{Block, StaticPage};
use crate::app::{App, SharedApp};

const LEGAL: &str = include_str!("../../texts/legal.txt");
const PRIVACY: &str = include_str!("../../texts/privacy.txt");
const CONTACT: &str = include_str!("../../texts/contact.txt");

#[derive(Template)]
#[template(path = "static_page.html")]
struct PaperPage<'a> {
    frame: Frame,
    title: &'a str,
    blocks: &'a [Block],
    operator: &'a str,
    address: &'a [String],
    contact_email: &'a str,
}

pub(super) async fn legal(State(app): State<SharedApp>) -> Response {
    show(&app, "Legal", app.texts.legal.as_ref(), LEGAL)
}

pub(super) async fn privacy(State(app): State<SharedApp>) -> Response {
    show(&app, "Privacy", app.texts.privacy.as_ref(), PRIVACY)
}

pub(super) async fn contact(State(app): State<SharedApp>) -> Response {
    show(&app, "Contact", None, CONTACT)
}

fn show(app: &App, title: &str, own: Option<&StaticPage>, built_in: &str) -> Response {
    let built_in = StaticPage::parse(built_in);
    let texts = &app.texts;
    let page = PaperPage {
        frame: Frame::new(app),
        title,
        blocks: &own.unwrap_or(&built_in).0,
        operator: &texts.operator,
        address: &texts.address,
        contact_email: &texts.contact_email,
    };
    page::answer(StatusCode::OK, &page)
}
