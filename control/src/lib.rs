//! The control program: customers and how they sign in, what they pay and what they
//! get for it, and the routes that reach every edge.
//!
//! Folders import downward only; `ARCHITECTURE.md` has the table, and a test keeps it.

pub mod accounts;
pub mod app;
pub mod backup;
pub mod base;
pub mod billing;
pub mod certificates;
pub mod cli;
pub mod console;
pub mod doctor;
pub mod domains;
pub mod http;
pub mod init;
pub mod joining;
pub mod machines;
pub mod mail;
pub mod model;
pub mod operator;
pub mod pflaster;
pub mod queue;
pub mod routes;
pub mod serve;
pub mod site;
pub mod store;
pub mod tickets;
pub mod workspaces;
