//! One request: who asks, what may become of it, and the connection it came on.

mod client;
mod connection;
mod context;
mod decision;
mod entrance;
mod failing;
mod farewell;
mod handler;
mod http2;
mod overlong;
mod refusing;
mod session;
mod telegram;

pub(crate) use connection::ConnectionHandler;
pub use decision::{RequestFacts, Workspace, decide};
pub(crate) use entrance::{Entrance, HttpsRedirect};
pub(crate) use farewell::Places;
pub(crate) use handler::RequestHandler;
pub(crate) use session::NoSession;
pub use session::{LastToken, check_session};
