//! The embedded DynamoDB: operations by name, tables, streams and plain views of items.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use dynoxide::actions::get_shard_iterator::GetShardIteratorRequest;
use dynoxide::actions::{describe_table::DescribeTableRequest, get_records::GetRecordsRequest};
use dynoxide::{Database, DynoxideError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use template::Table;

use crate::clock::SharedClock;
use crate::protocol::Answer;

/// How many records of a stream are read at once: DynamoDB's own limit.
const PAGE: usize = 1_000;

/// A table's stream and how far it was read.
struct Stream {
    arn: String,
    position: String,
}

/// The embedded database and how far each table's stream was read.
pub(crate) struct Tables {
    database: Database,
    streams: Mutex<BTreeMap<String, Stream>>,
}

impl Tables {
    pub(crate) fn new(clock: SharedClock) -> Self {
        Self {
            database: Database::memory_with_clock(Arc::new(clock)).expect("a database in memory opens"),
            streams: Mutex::default(),
        }
    }

    /// Runs one operation of DynamoDB's API and answers as DynamoDB would.
    pub(crate) fn execute(&self, operation: &str, request: Value) -> Answer {
        match self.dispatch(operation, request) {
            Ok(body) => Answer { status: 200, body },
            Err(refusal) => Answer {
                status: refusal.status_code(),
                body: serde_json::from_str(&refusal.to_json()).unwrap_or_default(),
            },
        }
    }

    fn dispatch(&self, operation: &str, request: Value) -> Result<Value, DynoxideError> {
        let db = &self.database;
        match operation {
            "PutItem" => run(request, |r| db.put_item(r)),
            "GetItem" => run(request, |r| db.get_item(r)),
            "UpdateItem" => run(request, |r| db.update_item(r)),
            "DeleteItem" => run(request, |r| db.delete_item(r)),
            "Query" => run(request, |r| db.query(r)),
            "Scan" => run(request, |r| db.scan(r)),
            "BatchGetItem" => run(request, |r| db.batch_get_item(r)),
            "BatchWriteItem" => run(request, |r| db.batch_write_item(r)),
            "TransactWriteItems" => run(request, |r| db.transact_write_items(r)),
            "TransactGetItems" => run(request, |r| db.transact_get_items(r)),
            "CreateTable" => run(request, |r| db.create_table(r)),
            "DescribeTable" => run(request, |r| db.describe_table(r)),
            "UpdateTimeToLive" => run(request, |r| db.update_time_to_live(r)),
            other => Err(DynoxideError::ValidationException(format!("the embedded DynamoDB does not serve {other}"))),
        }
    }

    /// Runs an operation for the test itself, where a refusal is a mistake in the test.
    fn expect(&self, operation: &str, request: Value) -> Value {
        self.dispatch(operation, request).unwrap_or_else(|refusal| panic!("{operation}: {refusal}"))
    }

    pub(crate) fn create_table(&self, table: &Table) {
        self.expect("CreateTable", table.create_request());
        if let Some(request) = table.time_to_live_request() {
            self.expect("UpdateTimeToLive", request);
        }
    }

    pub(crate) fn sweep_ttl(&self) -> usize {
        self.database.sweep_ttl().expect("the TTL sweep runs")
    }

    /// Every item of a table, as plain JSON.
    pub(crate) fn items(&self, table: &str) -> Vec<Value> {
        let mut items = Vec::new();
        let mut start = Value::Null;
        loop {
            let mut request = json!({"TableName": table});
            if !start.is_null() {
                request["ExclusiveStartKey"] = start;
            }
            let mut page = self.expect("Scan", request);
            if let Some(Value::Array(found)) = page.get("Items") {
                items.extend(found.iter().map(plain_item));
            }
            start = page["LastEvaluatedKey"].take();
            if start.is_null() {
                return items;
            }
        }
    }

    /// The records that a table's stream gained since the last call, as Lambda delivers them.
    pub(crate) fn stream_records(&self, table: &str) -> Vec<Value> {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = streams.entry(table.to_owned()).or_insert_with(|| self.open_stream(table));
        let mut records = Vec::new();
        loop {
            let request = GetRecordsRequest { shard_iterator: stream.position.clone(), limit: Some(PAGE) };
            let page = self.database.get_records(request).expect("a stream that was opened can be read");
            let found = page.records.len();
            for record in &page.records {
                let mut record = serde_json::to_value(record).expect("a stream record is JSON");
                record["eventSourceARN"] = json!(stream.arn);
                records.push(record);
            }
            stream.position = page.next_shard_iterator.expect("the only shard of a stream never ends");
            if found < PAGE {
                return records;
            }
        }
    }

    /// Opens a table's stream at its oldest record.
    fn open_stream(&self, table: &str) -> Stream {
        let described = self
            .database
            .describe_table(DescribeTableRequest { table_name: table.to_owned() })
            .unwrap_or_else(|refusal| panic!("{table}: {refusal}"));
        let arn = described.table.latest_stream_arn.unwrap_or_else(|| panic!("{table} has no stream"));
        let horizon = self
            .database
            .get_shard_iterator(GetShardIteratorRequest {
                stream_arn: arn.clone(),
                shard_id: dynoxide::streams::shard_id(table),
                shard_iterator_type: "TRIM_HORIZON".to_owned(),
                sequence_number: None,
            })
            .ok()
            .and_then(|opened| opened.shard_iterator)
            .expect("a table's stream has a beginning");
        Stream { arn, position: horizon }
    }
}

/// Decodes the request, runs it, encodes the answer.
fn run<Request, Response>(
    request: Value,
    operation: impl FnOnce(Request) -> Result<Response, DynoxideError>,
) -> Result<Value, DynoxideError>
where
    Request: DeserializeOwned,
    Response: Serialize,
{
    // The requests come from the SDK's own serialisers, so what cannot be decoded breaks a rule on values (an empty
    // name, a missing member): DynamoDB calls all of these validation.
    let request =
        serde_json::from_value(request).map_err(|error| DynoxideError::ValidationException(error.to_string()))?;
    let response = operation(request)?;
    serde_json::to_value(response).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// An item in DynamoDB's JSON as plain JSON; see [`crate::Engine::items`].
pub fn plain_item(item: &Value) -> Value {
    match item.as_object() {
        Some(attributes) => attributes.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        None => Value::Null,
    }
}

/// An attribute value without its type: `{"N": "7"}` becomes `7`. Sets become lists, binary stays base64.
fn plain(attribute: &Value) -> Value {
    let Some((kind, value)) = attribute.as_object().and_then(|typed| typed.iter().next()) else {
        return Value::Null;
    };
    let each = |convert: &dyn Fn(&Value) -> Value| match value.as_array() {
        Some(values) => values.iter().map(convert).collect(),
        None => Value::Null,
    };
    match kind.as_str() {
        "NULL" => Value::Null,
        "N" => number(value),
        "NS" => each(&number),
        "L" => each(&plain),
        "M" => plain_item(value),
        _ => value.clone(),
    }
}

/// An integer as a number; any other number keeps its digits as text, so that nothing is rounded.
fn number(digits: &Value) -> Value {
    let integer = digits.as_str().and_then(|text| text.parse::<i64>().ok());
    integer.map_or_else(|| digits.clone(), Value::from)
}
