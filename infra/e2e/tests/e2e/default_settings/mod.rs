//! Tests on the stack with the template's parameters.

mod contention;
mod forgery;
mod invoke;
mod journey;
mod office;
mod problems;
