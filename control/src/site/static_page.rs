//! Legal, privacy and contact: the operator's own texts, or ours.

use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::language::{self, Language};
use super::page::{self, Frame};
use super::words::static_page::StaticPageText;
use crate::app::site_config::{Block, OwnText, StaticPage};
use crate::app::{App, SharedApp};

/// A text of ours, in each language.
struct BuiltIn {
    english: &'static str,
    german: &'static str,
}

const LEGAL: BuiltIn = BuiltIn {
    english: include_str!("../../texts/legal.txt"),
    german: include_str!("../../texts/german/legal.txt"),
};
const PRIVACY: BuiltIn = BuiltIn {
    english: include_str!("../../texts/privacy.txt"),
    german: include_str!("../../texts/german/privacy.txt"),
};
const CONTACT: BuiltIn = BuiltIn {
    english: include_str!("../../texts/contact.txt"),
    german: include_str!("../../texts/german/contact.txt"),
};

#[derive(Template)]
#[template(path = "static_page.html")]
struct PaperPage<'a> {
    frame: Frame,
    text: &'static StaticPageText,
    title: &'a str,
    blocks: &'a [Block],
    operator: &'a str,
    address: &'a [String],
    contact_email: &'a str,
}

pub(super) async fn legal(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    let language = language::of(&headers);
    let title = StaticPageText::of(language).legal;
    show(&app, language, ("/legal", title), app.texts.legal.as_ref(), &LEGAL)
}

pub(super) async fn privacy(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    let language = language::of(&headers);
    let title = StaticPageText::of(language).privacy;
    show(&app, language, ("/privacy", title), app.texts.privacy.as_ref(), &PRIVACY)
}

pub(super) async fn contact(State(app): State<SharedApp>, headers: HeaderMap) -> Response {
    let language = language::of(&headers);
    let title = StaticPageText::of(language).contact;
    show(&app, language, ("/contact", title), None, &CONTACT)
}

/// A text of the operator's that is there in one language only is shown to everybody; what stands
/// around it is in the reader's.
fn show(
    app: &App,
    language: Language,
    (path, title): (&str, &str),
    own: Option<&OwnText>,
    built_in: &BuiltIn,
) -> Response {
    let built_in = StaticPage::parse(match language {
        Language::English => built_in.english,
        Language::German => built_in.german,
    });
    let texts = &app.texts;
    let page = PaperPage {
        frame: Frame::speaking(app, language, path),
        text: StaticPageText::of(language),
        title,
        blocks: &own.map_or(&built_in, |own| own.of(language)).0,
        operator: &texts.operator,
        address: &texts.address,
        contact_email: &texts.contact_email,
    };
    page::answer(StatusCode::OK, &page)
}
