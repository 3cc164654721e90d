//! The meter: capacity units of DynamoDB, requests and round trips.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::protocol::SQS;

/// What was used since the meter was last reset.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Meter {
    /// Write request units that DynamoDB reported as consumed.
    pub write_units: f64,
    /// Read request units that DynamoDB reported as consumed.
    pub read_units: f64,
    /// Write request units of refused conditional writes and cancelled transactions. DynamoDB bills these without
    /// reporting them; counted at their minimum: one for a write, two for each action of a transaction.
    pub refused_write_units: f64,
    /// Requests to DynamoDB and SQS that reached the network, the SDK's own retries included.
    pub requests: u64,
    /// Those of the requests that went to SQS.
    pub sqs_requests: u64,
    /// Waits for the network: requests that overlap in time count as one.
    pub round_trips: u64,
}

/// The running meter, and how many requests are under way.
#[derive(Debug, Default)]
pub(crate) struct Metering {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    meter: Meter,
    started: u64,
    in_flight: u64,
}

/// A request under way; it ends when this is dropped, so that a cancelled future ends its request too.
#[derive(Debug)]
pub(crate) struct RequestUnderWay<'a> {
    metering: &'a Metering,
    /// Position of the request among all requests of the engine, from 0.
    pub(crate) sequence: u64,
}

impl Drop for RequestUnderWay<'_> {
    fn drop(&mut self) {
        self.metering.lock().in_flight -= 1;
    }
}

impl Metering {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read(&self) -> Meter {
        self.lock().meter
    }

    pub(crate) fn reset(&self) {
        self.lock().meter = Meter::default();
    }

    /// Counts a request to `service`, and a round trip if no other request is under way.
    pub(crate) fn begin(&self, service: &str) -> RequestUnderWay<'_> {
        let mut state = self.lock();
        let sequence = state.started;
        state.started += 1;
        state.meter.requests += 1;
        state.meter.sqs_requests += u64::from(service == SQS);
        if state.in_flight == 0 {
            state.meter.round_trips += 1;
        }
        state.in_flight += 1;
        RequestUnderWay { metering: self, sequence }
    }

    /// Adds the `ConsumedCapacity` of an answer: one object, or one for each table.
    pub(crate) fn add_consumed(&self, operation: &str, answer: &Value) {
        let consumed = match answer.get("ConsumedCapacity") {
            Some(Value::Array(tables)) => tables.as_slice(),
            Some(table) => std::slice::from_ref(table),
            None => return,
        };
        let mut state = self.lock();
        for table in consumed {
            let units = |name: &str| table.get(name).and_then(Value::as_f64);
            // Transactions say which kind they used: a replayed one consumes reads only.
            let (read, write) = match (units("ReadCapacityUnits"), units("WriteCapacityUnits")) {
                (None, None) if is_write(operation) => (None, units("CapacityUnits")),
                (None, None) => (units("CapacityUnits"), None),
                named => named,
            };
            state.meter.read_units += read.unwrap_or(0.0);
            state.meter.write_units += write.unwrap_or(0.0);
        }
    }

    pub(crate) fn add_refused(&self, write_units: f64) {
        self.lock().meter.refused_write_units += write_units;
    }
}

fn is_write(operation: &str) -> bool {
    matches!(operation, "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems")
}
