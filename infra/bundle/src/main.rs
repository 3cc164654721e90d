//! All functions in one program. Lambda says in `_HANDLER`, the function's `Handler` in template.yaml, which of them to
//! run. ADR 21 says why this is what is deployed.

use shared::bootstrap::Error;
use std::env;

macro_rules! functions {
    ($($name:ident),* $(,)?) => {
        fn run(function: &str) -> Result<(), Error> {
            match function {
                $(stringify!($name) => $name::run(),)*
                other => Err(format!("the handler {other:?} names no function").into()),
            }
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));

fn main() -> Result<(), Error> {
    run(&env::var("_HANDLER").unwrap_or_default())
}
