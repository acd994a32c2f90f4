//! The runs, each of which finds some figures.

mod agent;
mod compare;
mod cut;
mod memory;
mod routes;

pub use agent::agent;
pub use compare::{http, websocket};
pub use cut::cut;
pub use memory::memory;
pub use routes::routes;

use crate::quantity::Figure;
use crate::report::Comparison;

#[derive(Default)]
pub struct Findings {
    pub comparison: Option<Comparison>,
    pub figures: Vec<Figure>,
}

impl From<Vec<Figure>> for Findings {
    fn from(figures: Vec<Figure>) -> Self {
        Self { comparison: None, figures }
    }
}
