//! What control does, asked over its sockets: one program, because linking one for
//! each subject costs more than running them all.

mod account;
mod backup;
mod billing;
mod certificates;
mod clients;
mod command_line;
mod common;
mod console;
mod database_faults;
mod doctor;
mod domains;
mod edges;
mod failover;
mod installing;
mod journal;
mod keys;
mod killed;
mod languages;
mod letters;
mod machines;
mod mangled;
mod openapi;
mod operator;
mod passwords;
mod processes;
mod publisher;
mod queue;
mod scale;
mod sign_in;
mod simulation;
mod site;
mod store;
mod stuck_edges;
mod unwritten;
mod welcome;
