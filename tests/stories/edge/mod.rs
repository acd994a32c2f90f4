//! What an edge lets through, to whom, and until when.

mod cut;
mod framing;
mod poison;
mod routes;
