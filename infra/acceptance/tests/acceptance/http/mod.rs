//! What is valid of a request, and what a failure answers.

mod body_rules;
mod check_order;
mod docs;
mod failures;
mod origin_secret;
mod parameters;
mod request_fuzz;
mod request_mutations;
mod request_rules;
mod web_documents;
mod web_walk;
