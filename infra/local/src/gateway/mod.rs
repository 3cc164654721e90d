//! API Gateway: an HTTP API in front of the functions, and Lambda's invoke endpoint for `cargo lambda invoke`.

mod event;
mod own_errors;
mod problem;
mod reply;
mod routes;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, DefaultBodyLimit, FromRequest, Path, Request, State},
    http::{HeaderName, HeaderValue, Response, StatusCode},
    response::{Html, IntoResponse},
    routing::{get, post},
};
use template::Template;
use tokio::net::TcpSocket;
use uuid::Uuid;

use crate::{
    control::{Functions, InvokeError},
    failure::{Context, Failure},
};
use event::Received;
use own_errors::OwnError;
use problem::Problem;
use routes::Routes;

/// API Gateway's limit on the size of a request body.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// Connections that may wait to be accepted. A stampede opens thousands at once; a short backlog would drop some.
const BACKLOG: u32 = 4096;
/// How long a caller waits at most on top of the function's timeout: for a free environment, and for the answer.
const GRACE: Duration = Duration::from_secs(1);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The gateway. Its port is bound at the start, so that no other program can take it; the answer is 503 until it is
/// opened.
#[derive(Clone)]
pub struct Gateway {
    open: Arc<OnceLock<Open>>,
    port: u16,
    /// Of a hundred requests, how many get an error of the gateway's own.
    own_errors: u8,
}

struct Open {
    routes: Routes,
    functions: Functions,
}

impl Gateway {
    /// Binds `port` on 127.0.0.1 and starts to serve. `own_errors` in a hundred requests get an error of the gateway's
    /// own.
    ///
    /// # Errors
    /// When the port is taken.
    pub fn bind(port: u16, own_errors: u8) -> Result<Self, Failure> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let listen = || {
            let socket = TcpSocket::new_v4()?;
            // Without this, connections of an earlier stack in TIME_WAIT make the bind fail.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            socket.listen(BACKLOG)
        };
        let listener = listen().context(format!("cannot listen on {address}"))?;
        let port = listener.local_addr().context("port")?.port();
        let gateway = Self { open: Arc::default(), port, own_errors };
        let router = Router::new()
            .route("/2015-03-31/functions/{name}/invocations", post(invoke))
            .route("/ops", get(show_last_hour))
            .fallback(handle)
            .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
            .with_state(gateway.clone());
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move { axum::serve(listener, service).await });
        Ok(gateway)
    }

    /// The port; where 0 was asked for, the free port that the system chose.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// From now on, requests go to the functions.
    pub fn open(&self, template: &Template, functions: Functions) {
        // An error would mean a second call: the stack opens its gateway once.
        let _ = self.open.set(Open { routes: Routes::new(&template.routes), functions });
    }
}

/// The page with the last hour for operators. Not part of a deployment: it stands beside the API, which it asks.
async fn show_last_hour() -> Html<&'static str> {
    Html(include_str!("ops.html"))
}

/// Handles a request of a client, and adds the request id to the response unless the function did.
async fn handle(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let id = Uuid::new_v4();
    let own_error = OwnError::draw(gateway.own_errors, id);
    let id = id.to_string();
    if let Some(error @ (OwnError::Throttled | OwnError::Unavailable)) = own_error {
        return error.response();
    }
    let mut response = match answer(&gateway, peer, request, &id).await {
        Ok(response) => response,
        Err(problem) => problem.response(&id),
    };
    if let Some(error) = own_error {
        return error.response();
    }
    if !response.headers().contains_key(REQUEST_ID)
        && let Ok(value) = HeaderValue::from_str(&id)
    {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

async fn answer(gateway: &Gateway, peer: SocketAddr, request: Request, id: &str) -> Result<Response<Body>, Problem> {
    let open = gateway.open.get().ok_or(Problem::Starting)?;
    let (parts, body) = request.into_parts();
    let body = Bytes::from_request(Request::from_parts(parts.clone(), body), &()).await;
    let body = body.map_err(|rejection| Problem::Body(rejection.status()))?;
    let matched = open.routes.find(&parts.method, parts.uri.path()).ok_or(Problem::NoRoute)?;
    let received = Received { parts: &parts, body: &body, peer, id, at: SystemTime::now() };
    let event = event::payload(&received, &matched).to_string();
    let patience = open.functions.timeout(matched.function).unwrap_or_default() + GRACE;
    let outcome = open.functions.invoke(matched.function, event.into(), patience).await;
    match outcome.ok_or(Problem::NoRoute)? {
        Ok(answer) => reply::response(&answer, &parts.method).ok_or(Problem::BadAnswer),
        Err(InvokeError::Function(_)) => Err(Problem::FunctionError),
        Err(InvokeError::Crashed(_)) => Err(Problem::Crashed),
        Err(InvokeError::TimedOut) => Err(Problem::TimedOut),
    }
}

/// Lambda's `Invoke` as `cargo lambda invoke` uses it. An error of the function is a 500 with its error object.
async fn invoke(State(gateway): State<Gateway>, Path(name): Path<String>, payload: Bytes) -> Response<Body> {
    let Some(open) = gateway.open.get() else {
        return error(StatusCode::SERVICE_UNAVAILABLE, "Starting", "the stack is starting");
    };
    let patience = open.functions.timeout(&name).unwrap_or_default() + GRACE;
    match open.functions.invoke(&name, payload, patience).await {
        None => error(StatusCode::NOT_FOUND, "ResourceNotFoundException", &format!("no function {name}")),
        Some(Ok(answer)) => ([("content-type", "application/json")], answer).into_response(),
        Some(Err(InvokeError::Function(object))) => {
            let headers = [("content-type", "application/json"), ("x-amz-function-error", "Unhandled")];
            (StatusCode::INTERNAL_SERVER_ERROR, headers, object).into_response()
        }
        Some(Err(other)) => error(StatusCode::INTERNAL_SERVER_ERROR, "Runtime.ExitError", &other.to_string()),
    }
}

fn error(status: StatusCode, kind: &str, message: &str) -> Response<Body> {
    let body = serde_json::json!({ "errorType": kind, "errorMessage": message }).to_string();
    (status, [("content-type", "application/json"), ("x-amz-function-error", "Unhandled")], body).into_response()
}
