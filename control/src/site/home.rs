//! The landing page: what this is, what it can do, what it costs, and the form.

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::Username;

use super::account_session::signed_in;
use super::language::{self, Language};
use super::page::{self, Faults, Frame};
use super::query::Query;
use super::signup_access;
use super::skill_icon;
use super::words::home::HomeText;
use super::words::skills::SkillText;
use crate::app::{App, SharedApp};
use crate::http::Problem;
use crate::model::skills::{CATALOGUE, Skill, SkillGroup};

/// What somebody chose, as typed.
#[derive(Debug, Clone, Default)]
pub(super) struct SignUpForm {
    pub(super) email: String,
    pub(super) username: String,
    /// Ids of skills.
    pub(super) skills: Vec<String>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home<'a> {
    frame: Frame,
    text: &'static HomeText,
    /// Name of whoever is signed in, and where their workspace opens.
    workspace: Option<(String, String)>,
    /// After a username and its dot.
    domain: String,
    price: &'a str,
    groups: Vec<OfferedGroup>,
    model: &'a str,
    location: &'a str,
    operator: &'a str,
    form: &'a SignUpForm,
    faults: Faults<'a>,
}

/// The skills of one group that can be chosen.
struct OfferedGroup {
    title: &'static str,
    /// Before the first skill of the group.
    hint: &'static str,
    skills: Vec<(&'static str, SkillText)>,
    /// Whether they are shown without being asked for.
    is_open: bool,
}

#[derive(Default, Deserialize)]
pub(super) struct PageQuery {
    /// Whose choices are to stand in the form.
    #[serde(default)]
    signup: String,
}

pub(super) async fn show(
    State(app): State<SharedApp>,
    Query(query): Query<PageQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let order = signup_access::of_signup(&app, &query.signup, &headers).await?;
    let form = order.map(|order| SignUpForm {
        skills: order.skills.ids().map(str::to_owned).collect(),
        // The name of a workspace that has ended is nobody's for a while.
        username: if order.has_ended() { String::new() } else { order.username.to_string() },
        email: order.email,
    });
    page(&app, &headers, &form.unwrap_or_default(), &[]).await
}

/// The page with the form filled in, and at its fields what is wrong with them:
/// `email`, `username` or `skills`, or none for what concerns the whole.
pub(super) async fn page(
    app: &App,
    headers: &HeaderMap,
    form: &SignUpForm,
    problems: &[Problem],
) -> Result<Response, Problem> {
    let session = signed_in(app, headers).await?;
    let workspace = session.map(|session| {
        let url = format!("{}/", app.site.workspace_url(&session.username));
        (session.username.to_string(), url)
    });
    let faults = Faults(problems);
    let language = language::of(headers);
    let price = app.texts.price.in_language(language);
    let home = Home {
        frame: Frame::of_form(app, language, "/", faults),
        text: HomeText::of(language),
        workspace,
        domain: workspace_domain(app),
        price: &price,
        groups: offered(&app.texts.programs, form, language),
        model: &app.texts.model,
        location: &app.texts.location,
        operator: &app.texts.operator,
        form,
        faults,
    };
    Ok(page::answer_again(faults, &home))
}

/// What works in the VMs that there are, and what was chosen while it did.
fn offered(programs: &[String], form: &SignUpForm, language: Language) -> Vec<OfferedGroup> {
    let is_chosen = |skill: &Skill| form.skills.iter().any(|chosen| chosen == skill.id);
    let group = |group: SkillGroup| {
        let [title, hint] = HomeText::group(language, group);
        let of_group = CATALOGUE.iter().filter(|skill| skill.group == group);
        let skills: Vec<_> =
            of_group.filter(|skill| skill.works_with(programs) || is_chosen(skill)).collect();
        let is_open = group == SkillGroup::AtOnce || skills.iter().any(|skill| is_chosen(skill));
        let in_words = |skill: &&'static Skill| (skill.id, SkillText::of(language, skill));
        OfferedGroup { title, hint, skills: skills.iter().map(in_words).collect(), is_open }
    };
    let groups = SkillGroup::ALL.map(group);
    groups.into_iter().filter(|group| !group.skills.is_empty()).collect()
}

/// What follows a username and its dot in the address bar.
fn workspace_domain(app: &App) -> String {
    let any: Username = "any".parse().expect("a name");
    let host = app.site.workspace_host(&any);
    host["any.".len()..].to_owned()
}

impl Home<'_> {
    fn has_chosen(&self, id: &str) -> bool {
        self.form.skills.iter().any(|chosen| chosen == id)
    }

    /// Where the operator's machines are, if they say so.
    fn where_data(&self) -> String {
        let location = match self.location {
            "" => String::new(),
            location => format!(", {location}"),
        };
        self.text.where_data_a.replace("{location}", &location)
    }

    /// Whether the cursor belongs here: the first field from the top with a fault.
    fn is_first(&self, field: &str) -> bool {
        let first = ["email", "username"].into_iter().find(|field| self.faults.at(field).is_some());
        first == Some(field)
    }
}
