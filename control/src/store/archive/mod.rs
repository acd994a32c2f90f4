//! The whole database as rows of plain text and numbers, out of one and into another.
//!
//! Tables hold `TEXT` and `BIGINT` only, so that one form serves SQLite and PostgreSQL: what
//! was read from one can be put into the other. A read is one snapshot, taken while others
//! write. What is put back is made beside the database and takes its place in one step, so
//! that a process that is killed on the way leaves what was there.

mod columns;
mod dump;
mod place;
mod restoring;
mod settle;
mod shape;

pub use dump::{Dump, Dumped};
pub use place::Occupied;
pub use restoring::Restoring;
pub use shape::{Cells, TableShape};
