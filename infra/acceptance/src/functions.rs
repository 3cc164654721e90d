//! The handler of each function with a route. `build.rs` takes the list from the template.

use lambda_http::{Body, Response};
use shared::{app::App, http::answer::answer};

macro_rules! functions {
    ($($name:ident),* $(,)?) => {
        /// The names of the functions with a route, in alphabetical order.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        /// Answers a request with the handler of the function `name`; `None` if no function with a route has this name.
        pub async fn call(app: &App, name: &str, request: lambda_http::Request) -> Option<Response<Body>> {
            match name {
                $(stringify!($name) => Some(answer(app, &|app, call| Box::pin($name::handle(app, call)), request).await),)*
                _ => None,
            }
        }
    };
}

include!(concat!(env!("OUT_DIR"), "/functions.rs"));
