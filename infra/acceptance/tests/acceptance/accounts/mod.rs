//! Accounts, tokens, and limits against abuse.

mod limits;
mod limits_sampled;
mod roles;
mod sign_up;
mod tokens;
