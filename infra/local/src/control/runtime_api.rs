//! Lambda's runtime API, one path prefix for each environment: `/{function}/{environment}`.

use std::{net::Ipv4Addr, sync::Arc};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, State},
    http::{Response, StatusCode},
    response::IntoResponse,
    routing::{get, post},
};
use tokio::net::TcpListener;

use super::{invocation::InvokeError, pool::Pools};

/// Lambda's limit on the size of an answer.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// Starts to serve on a free port and returns `host:port`.
pub async fn serve(pools: Arc<Pools>) -> std::io::Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?.to_string();
    let base = "/{function}/{environment}/2018-06-01/runtime";
    let router = Router::new()
        .route(&format!("{base}/invocation/next"), get(next))
        .route(&format!("{base}/invocation/{{id}}/response"), post(response))
        .route(&format!("{base}/invocation/{{id}}/error"), post(error))
        .route(&format!("{base}/init/error"), post(init_error))
        .layer(DefaultBodyLimit::max(MAX_ANSWER_BYTES))
        .with_state(pools);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

async fn next(State(pools): State<Arc<Pools>>, Path((function, environment)): Path<(String, u64)>) -> Response<Body> {
    let invocation = match pools.get(&function) {
        Some(pool) => pool.next(environment).await,
        None => None,
    };
    let Some(invocation) = invocation else {
        return StatusCode::GONE.into_response();
    };
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.id),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", invocation.function_arn),
    ];
    (headers, invocation.payload).into_response()
}

async fn response(
    State(pools): State<Arc<Pools>>,
    Path((function, environment, id)): Path<(String, u64, String)>,
    body: Bytes,
) -> StatusCode {
    answer(&pools, &function, environment, &id, Ok(body))
}

async fn error(
    State(pools): State<Arc<Pools>>,
    Path((function, environment, id)): Path<(String, u64, String)>,
    body: Bytes,
) -> StatusCode {
    answer(&pools, &function, environment, &id, Err(InvokeError::Function(body)))
}

/// Logs why a process cannot start. The process ends after this call, and its end fails what waits for it.
async fn init_error(Path((function, _)): Path<(String, u64)>, body: Bytes) -> StatusCode {
    eprintln!("{function} cannot start: {}", String::from_utf8_lossy(&body));
    StatusCode::ACCEPTED
}

fn answer(pools: &Pools, function: &str, environment: u64, id: &str, answer: Result<Bytes, InvokeError>) -> StatusCode {
    match pools.get(function) {
        Some(pool) if pool.answer(environment, id, answer) => StatusCode::ACCEPTED,
        _ => StatusCode::NOT_FOUND,
    }
}
