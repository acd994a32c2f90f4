//! What an operator may do on the page: named, asked about where it hurts, and done by the
//! same code as the API's.

use axum::extract::State;
use shared::Username;

use super::tasks::{CancelQuery, RetryQuery, parse_id};
use super::workspaces::WhyQuery;
use super::{customers, edges, locks, pool, routes, tasks, workspaces};
use crate::app::SharedApp;
use crate::http::{Json, Path, Problem, Query};
use crate::model::task::TaskId;
use vendors::sprites::SpriteName;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Suspend(Username),
    Resume(Username),
    SignOut(Username),
    Unlock(Username),
    Provision(Username),
    End(Username),
    ReplaceMachine(Username),
    RetryTask(TaskId),
    SendAgain(TaskId),
    CancelTask(TaskId),
    ResumePool,
    DestroyMachine(SpriteName),
    RemoveEdge(String),
    SetEmail(Username),
}

/// What has to be typed before an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Why it is done; kept in the journal.
    Reason,
    /// An e-mail address; kept out of the journal.
    Email,
}

impl Act {
    /// `on` is a username, a task's id, the name of a machine or an edge; empty for the pool.
    ///
    /// # Errors
    /// 422 when there is no such act.
    pub fn parse(word: &str, on: &str) -> Result<Self, Problem> {
        Ok(match word {
            "suspend" => Self::Suspend(routes::parse_username(on)?),
            "resume" => Self::Resume(routes::parse_username(on)?),
            "sign-out" => Self::SignOut(routes::parse_username(on)?),
            "unlock" => Self::Unlock(routes::parse_username(on)?),
            "provision" => Self::Provision(routes::parse_username(on)?),
            "end" => Self::End(routes::parse_username(on)?),
            "replace-machine" => Self::ReplaceMachine(routes::parse_username(on)?),
            "retry" => Self::RetryTask(parse_id(on)?),
            "send-again" => Self::SendAgain(parse_id(on)?),
            "cancel" => Self::CancelTask(parse_id(on)?),
            "resume-pool" => Self::ResumePool,
            "destroy-machine" => Self::DestroyMachine(pool::parse_sprite_name(on)?),
            "set-email" => Self::SetEmail(routes::parse_username(on)?),
            "remove-edge" => {
                edges::parse_name(on)?;
                Self::RemoveEdge(on.to_owned())
            }
            _ => return Err(Problem::invalid("act", "There is no such act.")),
        })
    }

    /// What it is done to, as the journal names it.
    pub fn subject(&self) -> String {
        match self {
            Self::Suspend(name)
            | Self::Resume(name)
            | Self::SignOut(name)
            | Self::Unlock(name)
            | Self::Provision(name)
            | Self::End(name)
            | Self::ReplaceMachine(name)
            | Self::SetEmail(name) => format!("workspace {name}"),
            Self::RetryTask(id) | Self::SendAgain(id) | Self::CancelTask(id) => {
                format!("task {id}")
            }
            Self::ResumePool | Self::DestroyMachine(_) => "pool".to_owned(),
            Self::RemoveEdge(name) => format!("edge {name}"),
        }
    }

    /// What would happen, and to whom; `None` where nobody loses anything.
    pub fn consequence(&self) -> Option<String> {
        Some(match self {
            Self::Suspend(name) => format!(
                "This closes the workspace {name} now: its sockets are cut, and nobody gets in \
                 until it is resumed. Everything in it is kept."
            ),
            Self::SignOut(name) => {
                format!("This signs out every browser of {name}, and cuts what is live.")
            }
            Self::End(name) => format!(
                "This ends the workspace {name} for good, and its subscription: its machine is \
                 destroyed with everything in it."
            ),
            Self::ReplaceMachine(name) => format!(
                "This destroys the machine of {name}: what is in it, conversations included, is \
                 lost. Another one is prepared."
            ),
            Self::SendAgain(id) => sending_again(id),
            Self::CancelTask(id) => format!(
                "This calls off {id}. What is done of it stays; what is not done is nobody's \
                 until it is tried again."
            ),
            Self::DestroyMachine(name) => format!(
                "This destroys the machine {name}, which is in quarantine: what could be learnt \
                 from it is lost. It is nobody's."
            ),
            Self::RemoveEdge(name) => edge_removal(name),
            Self::SetEmail(name) => format!(
                "Letters about {name} go to this address from now on, and with a link that is sent \
                 there a new password is set: be sure whose it is. The former address is told; \
                 links that were sent there work no more."
            ),
            Self::Resume(_)
            | Self::Unlock(_)
            | Self::Provision(_)
            | Self::RetryTask(_)
            | Self::ResumePool => return None,
        })
    }

    /// Such a one waits for no journal, and no disk.
    pub fn takes_access_away(&self) -> bool {
        matches!(self, Self::Suspend(_) | Self::SignOut(_))
    }

    /// What has to be typed first, if anything.
    pub fn asks_for(&self) -> Option<Asked> {
        match self {
            Self::ReplaceMachine(_) | Self::CancelTask(_) | Self::DestroyMachine(_) => {
                Some(Asked::Reason)
            }
            Self::SetEmail(_) => Some(Asked::Email),
            _ => None,
        }
    }

    /// Where it can be seen what came of it.
    pub fn place(&self) -> String {
        match self.subject().split_once(' ') {
            Some(("workspace", name)) => format!("/console/workspaces/{name}"),
            Some(("edge", _)) => "/console/edges".to_owned(),
            Some((_, id)) => format!("/console/tasks/{id}"),
            None => "/console/pool".to_owned(),
        }
    }
}

/// What comes of a letter that may have been sent before, on the page and on the command line.
pub fn sending_again(task: &TaskId) -> String {
    format!(
        "This sends the letter of {task} once more. Nobody knows whether it was sent before, and \
         Resend would not know it again: it may arrive twice."
    )
}

/// What becomes of an edge that is removed, on the page and on the command line.
pub fn edge_removal(name: &str) -> String {
    format!(
        "Edge {name} is sent nothing more. As long as it runs it serves what it has, also to \
         those whose access is taken away later, and it keeps the key ring: take it out of DNS, \
         stop it, and rotate the ring if its machine is not yours any more."
    )
}

/// Does it. `typed` is what [`Act::asks_for`] says; a reason may be given for any other act.
/// Says whether it is in the database: what takes access away is told to the edges before.
///
/// # Errors
/// As the API's call.
pub async fn perform(app: &SharedApp, act: &Act, typed: &str) -> Result<bool, Problem> {
    let state = || State(app.clone());
    let of = |name: &Username| Path(name.to_string());
    let wait = || Query(routes::Waiting::default());
    match act {
        Act::Suspend(name) => {
            let closed = customers::suspend(state(), of(name), wait()).await?;
            return Ok(closed.0.durable);
        }
        Act::Resume(name) => customers::resume(state(), of(name), wait()).await.map(drop),
        Act::SignOut(name) => {
            let ended = customers::sign_out_everywhere(state(), of(name), wait()).await?;
            return Ok(ended.0.durable);
        }
        Act::Unlock(name) => locks::remove_workspace(state(), of(name), wait()).await.map(drop),
        Act::Provision(name) => workspaces::provision(state(), of(name)).await.map(drop),
        Act::End(name) => workspaces::end(state(), of(name)).await.map(drop),
        Act::ReplaceMachine(name) => {
            let why = Query(WhyQuery { reason: typed.to_owned() });
            workspaces::replace_machine(state(), of(name), why).await.map(drop)
        }
        Act::RetryTask(id) | Act::SendAgain(id) => {
            let twice = matches!(act, Act::SendAgain(_));
            let query = Query(RetryQuery { twice });
            tasks::retry(state(), Path(id.to_string()), query).await.map(drop)
        }
        Act::CancelTask(id) => {
            let reason = Some(typed.to_owned()).filter(|it| !it.trim().is_empty());
            tasks::cancel(state(), Path(id.to_string()), Query(CancelQuery { reason }))
                .await
                .map(drop)
        }
        Act::ResumePool => pool::resume(state()).await.map(drop),
        Act::DestroyMachine(name) => {
            let why = Query(WhyQuery { reason: typed.to_owned() });
            pool::destroy(state(), Path(name.to_string()), why).await.map(drop)
        }
        Act::RemoveEdge(name) => edges::remove(state(), Path(name.clone())).await.map(drop),
        Act::SetEmail(name) => {
            let body = customers::EmailBody { email: typed.to_owned() };
            customers::set_email(state(), of(name), Json(body)).await.map(drop)
        }
    }
    .map(|()| true)
}
