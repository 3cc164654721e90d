//! Accounts, tokens, and limits against abuse.

mod limits;
mod limits_sampled;
mod roles;
mod rotation;
mod sign_up;
mod tokens;
