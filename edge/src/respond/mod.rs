//! What the edge answers by itself.

pub mod pages;
pub mod refusal;
pub mod response;
