//! `control pool …`

use clap::Subcommand;
use reqwest::Method;
use serde_json::json;
use url::form_urlencoded::Serializer;
use vendors::sprites::SpriteName;

use super::client::ApiClient;
use super::output::{Output, age, dash, list};
use crate::base::clock::Moment;
use crate::operator::responses::{Pool, Preparations, Resumed, SpriteView};

#[derive(Subcommand, Clone)]
pub(super) enum Command {
    /// How many sprites stand ready, and whether more are being prepared.
    Show,
    /// Every sprite.
    List {
        /// Only those in this state.
        #[arg(long, value_parser = ["preparing", "available", "assigned", "recycling", "unreachable", "quarantined", "failed"])]
        state: Option<String>,
    },
    /// Prepare some more than the pool would by itself.
    Prepare {
        /// 1 to 10.
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=10))]
        count: u64,
    },
    /// Prepare sprites again after too many preparations have failed.
    Resume,
    /// Destroy a quarantined sprite; no other one is touched.
    Destroy {
        #[arg(value_parser = |text: &str| SpriteName::parse(text))]
        name: SpriteName,
        /// Why; kept in the journal.
        #[arg(long)]
        reason: String,
    },
}

pub(super) async fn run(command: Command, api: &ApiClient, output: Output) -> anyhow::Result<()> {
    match command {
        Command::Show => {
            output.print(&api.show::<Pool>("/api/pool").await?, |pool| to_text(pool, api.now()))
        }
        Command::List { state } => {
            let mut sprites = api.all::<SpriteView>("/api/pool/sprites", "").await?;
            sprites.retain(|it| state.as_deref().is_none_or(|state| it.state.as_str() == state));
            output.print(&sprites, |sprites| {
                let rows: Vec<_> = sprites.iter().map(|it| row(it, api.now())).collect();
                let header =
                    ["SPRITE", "STATE", "SINCE", "PROVED", "USERNAME", "BASE", "TASK", "ERROR"];
                list("no sprites", &header, &rows)
            })
        }
        Command::Prepare { count } => {
            if !output.is_meant(&format!("{count} more machines would be prepared."))? {
                return Ok(());
            }
            let body = json!({ "count": count });
            let begun: Preparations =
                api.call(Method::POST, "/api/pool/prepare", Some(body)).await?;
            output.print(&begun, |begun| match begun.tasks.as_slice() {
                [] => "none begun: as many as allowed at once are being prepared".to_owned(),
                tasks => tasks.join("\n"),
            })
        }
        Command::Resume => {
            if !output.is_meant("Machines would be prepared again.")? {
                return Ok(());
            }
            let resumed: Resumed = api.call(Method::POST, "/api/pool/resume", None).await?;
            output.print(&resumed, |resumed| {
                let text = if resumed.was_paused { "resumed" } else { "it was not paused" };
                text.to_owned()
            })
        }
        Command::Destroy { name, reason } => {
            let consequence =
                format!("This destroys the machine {name}: what could be learnt from it is lost.");
            if !output.confirms(&consequence)? {
                return Ok(());
            }
            let query = Serializer::new(String::new()).append_pair("reason", &reason).finish();
            let path = format!("/api/pool/sprites/{name}/destroy?{query}");
            let sprite: SpriteView = api.call(Method::POST, &path, None).await?;
            output.print(&sprite, |sprite| format!("{} is being destroyed", sprite.name))
        }
    }
}

fn to_text(pool: &Pool, now: Moment) -> String {
    let counts = &pool.counts;
    let mut text = format!(
        "{} available of {}, {} preparing, {} assigned, {} recycling, {} unreachable, \
         {} quarantined, {} failed",
        counts.available,
        pool.wanted.max(pool.target_available),
        counts.preparing,
        counts.assigned,
        counts.recycling,
        counts.unreachable,
        counts.quarantined,
        counts.failed
    );
    if let Some(pause) = &pool.paused {
        text += &format!(
            "\nPAUSED for {}: {}; control pool resume goes on",
            age(pause.since, now),
            pause.why
        );
    }
    if let Some(error) = &pool.survey_error {
        text += &format!("\nthe provider's list is not known: {error}");
    }
    if !pool.orphans.is_empty() {
        text += &format!("\nnobody's: {}", pool.orphans.join(", "));
    }
    for sprite in &pool.quarantined {
        let why = sprite.error.as_deref().unwrap_or("nobody knows why");
        text += &format!(
            "\nquarantined for {}: {}: {why}; control pool destroy {} --reason WHY ends it, and \
             {} hours do",
            age(sprite.changed_at, now),
            sprite.name,
            sprite.name,
            pool.quarantined_hours
        );
    }
    text
}

fn row(sprite: &SpriteView, now: Moment) -> Vec<String> {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(dash);
    vec![
        sprite.name.clone(),
        sprite.state.as_str().to_owned(),
        age(sprite.changed_at, now),
        sprite.proved_at.map_or_else(dash, |proved| age(proved, now)),
        or_dash(&sprite.username),
        sprite.base.clone(),
        or_dash(&sprite.task),
        sprite.error.clone().unwrap_or_default(),
    ]
}
