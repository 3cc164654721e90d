//! DynamoDB: the embedded engine, with the template's tables, behind its own HTTP server.

use std::{collections::BTreeSet, time::Duration};

use dynoxide::{Database, actions::list_tables::ListTablesRequest, server};
use serde::de::DeserializeOwned;
use serde_json::Value;
use template::{Table, Template};
use tokio::{net::TcpListener, time};

use crate::{
    failure::{Context, Failure},
    options::Options,
    state::State,
};

/// How often what has expired is deleted. AWS takes days at times: nothing may depend on it.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// The running engine.
pub struct Tables {
    /// The engine itself, for those in this process.
    pub database: Database,
    /// Its address for everybody else, `http://...`.
    pub endpoint: String,
    /// Its address as functions are told it: the same, or a proxy's.
    pub functions_endpoint: String,
}

impl Tables {
    /// Starts the engine and creates the tables that it lacks.
    ///
    /// # Errors
    /// When the data cannot be opened, the port is taken, or the engine refuses a table.
    pub async fn start(options: &Options, state: &State, template: &Template) -> Result<Self, Failure> {
        let database = if state.persistent {
            let path = state.directory.join("dynamodb.sqlite");
            let path = path.to_str().ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))?;
            Database::new(path).context(path)?
        } else {
            Database::memory().context("engine")?
        };
        let existing = database.list_tables(ListTablesRequest::default()).context("list tables")?;
        let existing: BTreeSet<_> = existing.table_names.into_iter().collect();
        for table in template.tables.iter().filter(|table| !existing.contains(&table.name)) {
            create(&database, table)?;
        }
        let listener = TcpListener::bind(("127.0.0.1", options.dynamodb_port)).await.context("DynamoDB's port")?;
        let port = listener.local_addr().context("engine")?.port();
        let endpoint = |port| format!("http://127.0.0.1:{port}");
        // It serves until the process ends: the last answers of the functions may still need it.
        tokio::spawn(server::serve_with_shutdown(listener, database.clone(), std::future::pending()));
        tokio::spawn(sweep(database.clone()));
        let functions_endpoint = endpoint(options.dynamodb_proxy.unwrap_or(port));
        Ok(Self { database, endpoint: endpoint(port), functions_endpoint })
    }
}

fn create(database: &Database, table: &Table) -> Result<(), Failure> {
    database.create_table(request(table.create_request())?).context(&table.name)?;
    if let Some(ttl) = table.time_to_live_request() {
        database.update_time_to_live(request(ttl)?).context(&table.name)?;
    }
    Ok(())
}

fn request<T: DeserializeOwned>(json: Value) -> Result<T, Failure> {
    serde_json::from_value(json).context("a table's definition")
}

/// The engine's HTTP server never deletes what has expired by itself.
async fn sweep(database: Database) {
    let mut ticks = time::interval(SWEEP_EVERY);
    ticks.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let database = database.clone();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        if let Ok(Err(error)) = swept {
            eprintln!("ttl: {error}");
        }
    }
}
