//! The stories: what people and programs meet in a whole Arcamatrix. One program,
//! because linking one for each subject costs more than most of them take.

mod edge;
mod resilience;
mod sign_up;
mod visitor;
