//! What HTTP in the agent is made of: who may pass, how an answer looks, the
//! page's files, the way to a WebSocket.
//!
//! Nothing here knows the gateway, so that `gateway` may build on it.

pub mod answer;
pub mod assets;
pub mod file_body;
pub mod guard;
pub mod progress;
pub mod websocket;
