//! From the landing page to a workspace, also where vendors fail.

mod faults;
mod journey;
