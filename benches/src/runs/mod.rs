//! The runs, each of which finds some figures.

mod agent;
mod compare;
mod cut;
mod memory;
mod neighbour;
mod routes;

pub use agent::agent;
pub use compare::{download, events, http, others, tls, upload, websocket};
pub use cut::cut;
pub use memory::memory;
pub use neighbour::neighbour;
pub use routes::routes;

use crate::quantity::Figure;
use crate::report::Comparison;

#[derive(Default)]
pub struct Findings {
    pub comparisons: Vec<Comparison>,
    pub figures: Vec<Figure>,
}

impl Findings {
    fn append(&mut self, other: Self) {
        self.comparisons.extend(other.comparisons);
        self.figures.extend(other.figures);
    }
}

impl From<Vec<Figure>> for Findings {
    fn from(figures: Vec<Figure>) -> Self {
        Self { comparisons: Vec::new(), figures }
    }
}
