//! Customers, and how they come in: passwords, links, codes, sessions.

mod attempts;
mod codes;
pub mod customers;
mod domain_looks;
pub mod domains;
mod email_changes;
mod exports;
mod lost_domains;
mod password_links;
mod passwords;
mod sessions;
mod signing_out;
pub mod workspace_access;

pub use codes::Redeemed;
pub use customers::{Credentials, Customer, NewCustomer};
pub use passwords::SessionsEnded;
pub use sessions::AccountSession;
