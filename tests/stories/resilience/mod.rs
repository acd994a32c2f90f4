//! What goes wrong in an installation, and what must not follow from it.

mod acme;
mod alerts;
mod configuration;
mod controls;
mod crash;
mod demo;
mod joining;
mod rotation;
mod secrets;
mod upgrade;
