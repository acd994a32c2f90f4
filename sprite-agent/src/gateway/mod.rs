//! Between the page and the gateway: which requests pass, and what happens
//! while the gateway is away.
//!
//! `page_socket` is one page's socket; it outlives any number of
//! `gateway_connection`s, and may have `own_connection`s beside them, for what needs other
//! rights. `pending_requests`, `methods`, `hands`, `params`, `request`, `hello`, `owner_rights` and
//! `peek` decide; they do no I/O. `telegram` brings in what is written to the customer's bot.

pub mod client_session;
pub mod control_ui;
pub mod control_ui_connect;
pub mod control_ui_methods;
pub mod control_ui_path;
pub mod control_ui_socket;
pub mod dial;
pub mod gateway_connection;
pub mod hands;
pub mod hello;
pub mod http;
pub mod methods;
pub mod notice;
pub mod order;
pub mod own_connection;
pub mod owner_rights;
pub mod page_socket;
pub mod params;
pub mod peek;
pub mod pending_requests;
pub mod request;
pub mod telegram;
