//! The program as a process: what clients, sprites, control and an operator meet.

mod access;
mod access_log;
mod controls;
mod domains;
mod drain;
mod foreign;
mod handed_certificates;
mod handover;
mod harness;
mod http2;
mod load;
mod metrics;
mod otlp;
mod patience;
mod private_tls;
mod proxies;
mod refusals;
mod reload;
mod tls;
mod trouble;
mod upgrade;
mod waking;
