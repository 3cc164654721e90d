//! The life of a wide line, explored in every order of its events: passers-by and fans who
//! join, leave and come back, cuts, records, offsets, the draw and its opening, promotion, several sequencers, a process
//! that is cut off between any two of its steps, and answers that are lost.
//!
//! What a step does is the product's own code, `shared::domain::line`. The model adds who reads what when: each read and
//! each conditional write of the store is one step. [`LineModel::without`] leaves out one guard, for which the tests find
//! a counterexample.

mod fan;
mod guard;
mod model;
mod promoter;
mod sequencer;
mod world;

pub use guard::Guard;
pub use model::{Action, Bounds, LineModel};
pub use world::World;
