//! The control program: customers and how they sign in, routes and how they
//! reach every edge.

pub mod api;
pub mod app;
pub mod billing;
pub mod cli;
pub mod clients;
pub mod clock;
pub mod config;
pub mod email;
pub mod failures;
pub mod handover;
pub mod http;
pub mod keys;
pub mod links;
pub mod machines;
pub mod mail;
pub mod metrics;
pub mod passwords;
pub mod pflaster;
pub mod pool;
pub mod progress;
pub mod provision;
pub mod publisher;
pub mod queue;
pub mod route_order;
pub mod serve;
pub mod sign_in;
pub mod signups;
pub mod site;
pub mod skills;
pub mod store;
pub mod streams;
pub mod tickets;
pub mod token;
pub mod web;
pub mod workspace;
