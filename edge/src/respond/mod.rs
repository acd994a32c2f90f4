//! What the edge answers by itself.

mod english;
mod german;
mod page_text;
mod pages;
mod refusal;
mod response;
mod workspace_status;

pub(crate) use refusal::Refusal;
pub(crate) use response::{Response, ResponseOptions};
pub(crate) use workspace_status::WorkspaceStatus;
