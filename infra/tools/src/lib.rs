//! What the commands in `infra` share.

pub mod command_line;
pub mod python;
pub mod workspace;
