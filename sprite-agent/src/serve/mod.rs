//! The agent's port: accepts connections within bounds and brings each request
//! to the part that answers it.

pub mod choices;
pub mod downloads;
pub mod health;
pub mod logs;
pub mod public_facts;
pub mod router;
pub mod server;
pub mod strangers;
pub mod suspension;
