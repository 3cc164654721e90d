//! The handler of each function with a route. A test compares the list with the template's.

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

functions!(
    cancel_payment,
    cancel_reservation,
    change_concert,
    check_health,
    configure_queue,
    create_concert,
    create_reservation,
    create_user,
    delete_queue,
    describe_api,
    get_balance,
    get_concert,
    get_jwks,
    get_queue,
    get_reservation,
    get_token,
    inspect_queue,
    issue_token,
    leave_queue,
    list_dates,
    list_ledger,
    list_reservations,
    list_seats,
    login_user,
    process_payment,
    recharge_balance,
    reject_route,
    remove_fan,
    report_sales,
    show_docs,
);

#[cfg(test)]
mod tests {
    use super::NAMES;

    #[test]
    fn the_names_are_the_templates_functions_with_a_route() {
        let template = template::Template::load(&template::locate().unwrap()).unwrap();
        let mut names: Vec<&str> = template.routes.iter().map(|route| route.function.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, NAMES);
    }
}
