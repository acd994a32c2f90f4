//! The fake gateway over a real socket.

mod behaviour;
mod client;
mod replay;
