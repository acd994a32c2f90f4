//! The landing page: what this is, what it can do, what it costs, and the form.

use askama::Template;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Deserialize;
use shared::Username;

use super::account_session::signed_in;
use super::page::{self, Faults, Frame};
use super::signup_access;
use super::skill_icon;
use crate::app::{App, SharedApp};
use crate::base::amount::Amount;
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
    /// Name of whoever is signed in, and where their workspace opens.
    workspace: Option<(String, String)>,
    /// After a username and its dot.
    domain: String,
    price: Amount,
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
    skills: Vec<&'static Skill>,
    /// Whether they are shown without being asked for.
    is_open: bool,
}

#[derive(Deserialize)]
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
    let home = Home {
        frame: Frame::new(app),
        workspace,
        domain: workspace_domain(app),
        price: app.texts.price,
        groups: offered(&app.texts.programs, form),
        model: &app.texts.model,
        location: &app.texts.location,
        operator: &app.texts.operator,
        form,
        faults,
    };
    Ok(page::answer_again(faults, &home))
}

/// What works in the VMs that there are, and what was chosen while it did.
fn offered(programs: &[String], form: &SignUpForm) -> Vec<OfferedGroup> {
    let is_chosen = |skill: &Skill| form.skills.iter().any(|chosen| chosen == skill.id);
    let group = |group: SkillGroup| {
        let (title, hint) = match group {
            SkillGroup::AtOnce => ("Works at once", "Nothing to set up."),
            SkillGroup::Connect => {
                ("Connect an account", "You connect it later, in your workspace.")
            }
            SkillGroup::Developers => ("For developers", "Each says what it needs of you."),
        };
        let of_group = CATALOGUE.iter().filter(|skill| skill.group == group);
        let skills: Vec<_> =
            of_group.filter(|skill| skill.works_with(programs) || is_chosen(skill)).collect();
        let is_open = group == SkillGroup::AtOnce || skills.iter().any(|skill| is_chosen(skill));
        OfferedGroup { title, hint, skills, is_open }
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

    /// Whether the cursor belongs here: the first field from the top with a fault.
    fn is_first(&self, field: &str) -> bool {
        let first = ["email", "username"].into_iter().find(|field| self.faults.at(field).is_some());
        first == Some(field)
    }
}

/// `A GitHub token` → `a GitHub token`, to stand in a sentence.
fn begun(needs: &str) -> String {
    let mut characters = needs.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}
