//! The queue: what is put in is done, once, whatever ends in between.

mod crash;
mod jobs;
mod lease;
mod operator;
mod others;
mod outcome;
mod shop;
mod upkeep;
