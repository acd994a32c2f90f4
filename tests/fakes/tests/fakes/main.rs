//! The fakes that are programs of their own, over real sockets.

mod gateway;
mod sprites;
