//! The types of the business, and what is decided about them.
//!
//! Everything here is pure: values and the time go in, values come out. No module
//! here reads a clock, the database or a vendor, so that every rule can be tested
//! by a table.

pub mod attempts;
pub mod awake_time;
pub mod certificate;
pub mod domain;
pub mod email_change;
pub mod fleet;
pub mod handover;
pub mod healing;
pub mod incident;
pub mod machine_costs;
pub mod mail;
pub mod password_link;
pub mod pool;
pub mod progress;
pub mod promise;
pub mod receipt;
pub mod restored;
pub mod route_change;
pub mod sign_in;
pub mod sign_up;
pub mod skills;
pub mod subscription;
pub mod subscription_list;
pub mod suspension;
pub mod sync_target;
pub mod task;
pub mod user_agent;
pub mod workspace;
