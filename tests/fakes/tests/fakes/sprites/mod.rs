//! The fake of the Sprites API, called as a client calls it.

mod commands;
mod disks;
mod lives;
mod provider;
mod services;
mod urls;
