//! From the landing page to a workspace, also where vendors fail.

mod export;
mod faults;
mod form;
mod journey;
