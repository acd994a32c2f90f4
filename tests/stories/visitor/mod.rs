//! What customers and strangers meet at a workspace that runs.

mod axe;
mod browser;
mod conversations;
mod details;
mod firefox;
mod idle;
mod openclaw;
mod openclaw_faults;
mod operator;
mod pages;
mod panels;
mod plans;
mod scale;
mod sleep;
mod telegram;
mod tenants;
