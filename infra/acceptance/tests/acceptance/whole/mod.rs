//! The whole system: a purchase from start to end, and what each step costs.

mod budget;
mod journey;
mod lines;
mod operations;
mod sizes;
