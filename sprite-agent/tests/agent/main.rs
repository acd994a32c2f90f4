//! The whole agent on real sockets, against a small gateway of its own.

mod awake;
mod command_line;
mod control_ui;
mod downloads;
mod export;
mod front_door;
mod gateway;
mod hands;
mod methods;
mod misbehaviour;
mod outages;
mod page;
mod repairs;
mod running;
mod sessions;
mod stand_in;
mod supervision;
mod waiting;
