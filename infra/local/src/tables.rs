//! DynamoDB: the embedded engine, with the template's tables, behind its own HTTP server.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use dynoxide::{Database, actions::list_tables::ListTablesRequest, server};
use rusqlite::Connection;
use serde::de::DeserializeOwned;
use serde_json::Value;
use template::{Table, Template};
use tokio::{
    net::TcpListener,
    time::{self, Instant},
};
use tools::workspace;

use crate::{
    failure::{Context, Failure},
    options::Options,
    state::State,
};

/// How often expired items are deleted, at most. On AWS that can take days, so nothing may depend on it.
const SWEEP_EVERY: Duration = Duration::from_secs(5);
/// The pause after a sweep, in times of what the sweep took. The engine reads every item, so its part of a core would
/// grow with what is stored; like this it stays at a quarter of a percent.
const PAUSE_PER_SWEEP: u32 = 400;

/// Indexes the engine's stream records, and deletes those older than a day, as DynamoDB does. Without this, every write
/// and every poll reads all records, so that the stack gets slower with each change that was ever made.
const STREAM_UPKEEP: &str = "
CREATE INDEX IF NOT EXISTS stream_order ON _stream_records (table_name, CAST(sequence_number AS INTEGER));
CREATE TRIGGER IF NOT EXISTS stream_horizon AFTER INSERT ON _stream_records WHEN NEW.id % 1000 = 0
BEGIN
    DELETE FROM _stream_records WHERE created_at < NEW.created_at - 86400;
END;
";

/// The running engine.
pub struct Tables {
    /// The engine, for use in this process.
    pub database: Database,
    /// The address of its HTTP server, `http://...`.
    pub endpoint: String,
    /// The address that functions use: the same, or that of a proxy in front of the engine.
    pub functions_endpoint: String,
}

impl Tables {
    /// Starts the engine and creates the missing tables.
    ///
    /// # Errors
    /// When the data cannot be opened, the port is taken, or the engine refuses a table.
    pub async fn start(options: &Options, state: &State, template: &Template) -> Result<Self, Failure> {
        let database = open(state)?;
        let existing = database.list_tables(ListTablesRequest::default()).context("list tables")?;
        let existing: BTreeSet<_> = existing.table_names.into_iter().collect();
        for table in template.tables.iter().filter(|table| !existing.contains(&table.name)) {
            create(&database, table)?;
        }
        let listener = TcpListener::bind(("127.0.0.1", options.dynamodb_port)).await.context("DynamoDB's port")?;
        let port = listener.local_addr().context("engine")?.port();
        let endpoint = |port| format!("http://127.0.0.1:{port}");
        // Serves until the process ends, since functions that finish their last request still need it.
        tokio::spawn(server::serve_with_shutdown(listener, database.clone(), std::future::pending()));
        tokio::spawn(sweep(database.clone()));
        let functions_endpoint = endpoint(options.dynamodb_proxy.unwrap_or(port));
        Ok(Self { database, endpoint: endpoint(port), functions_endpoint })
    }

    /// Tells `cargo admin` where the tables of the stack at this port are.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn publish(&self, port: u16) -> Result<(), Failure> {
        let file = workspace::local_dynamodb(port);
        let written = file.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&file, &self.endpoint));
        written.context(file.display())
    }
}

/// Opens the database in its file, or creates one in memory, and applies [`STREAM_UPKEEP`].
fn open(state: &State) -> Result<Database, Failure> {
    let path = state.directory.join("dynamodb.sqlite");
    let name = path.to_str().ok_or_else(|| Failure::new(format!("{} is not UTF-8", path.display())))?;
    if state.persistent {
        let database = Database::new(name).context(name)?;
        index_streams(&path)?;
        return Ok(database);
    }
    // rusqlite cannot reach the engine's database in memory: write it to a file, change the file, and load it back.
    let database = Database::memory().context("engine")?;
    let _ = fs::remove_file(&path);
    database.vacuum_into(name).context(name)?;
    index_streams(&path)?;
    database.restore_from(name).context(name)?;
    fs::remove_file(&path).context(name)?;
    Ok(database)
}

fn index_streams(path: &Path) -> Result<(), Failure> {
    let connection = Connection::open(path).context(path.display())?;
    connection.execute_batch(STREAM_UPKEEP).context(path.display())
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

/// Deletes expired items at intervals, which the engine's HTTP server does not do by itself.
async fn sweep(database: Database) {
    let mut pause = SWEEP_EVERY;
    loop {
        time::sleep(pause).await;
        let database = database.clone();
        let started = Instant::now();
        let swept = tokio::task::spawn_blocking(move || database.sweep_ttl()).await;
        pause = SWEEP_EVERY.max(started.elapsed() * PAUSE_PER_SWEEP);
        if let Ok(Err(error)) = swept {
            eprintln!("ttl: {error}");
        }
    }
}
