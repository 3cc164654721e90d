//! Counts what requests to DynamoDB consume, by asking for it with each request.

use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
            FinalizerInterceptorContextRef,
        },
    },
    error::{BoxError, ProvideErrorMetadata},
    operation::{
        batch_get_item::{BatchGetItemError, BatchGetItemInput, BatchGetItemOutput},
        delete_item::{DeleteItemError, DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemError, GetItemInput, GetItemOutput},
        put_item::{PutItemError, PutItemInput, PutItemOutput},
        query::{QueryError, QueryInput, QueryOutput},
        scan::{ScanError, ScanInput, ScanOutput},
        transact_get_items::{TransactGetItemsError, TransactGetItemsInput, TransactGetItemsOutput},
        transact_write_items::{TransactWriteItemsError, TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemError, UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};

use super::{
    meter::{Units, consume, measure},
    metric::Metric,
};

/// Asks for the consumed capacity and counts it. Also counts attempts that DynamoDB throttled, the SDK's retries among
/// them.
#[derive(Debug)]
struct Consumption;

/// A client whose requests are counted in the meter of their invocation.
pub fn counted(client: &Client) -> Client {
    Client::from_conf(client.config().to_builder().interceptor(Consumption).build())
}

/// Asks for the consumed capacity, if the input has one of these types.
macro_rules! ask {
    ($input:expr, $($kind:ty),+) => {
        $(if let Some(input) = $input.downcast_mut::<$kind>() {
            input.return_consumed_capacity = Some(ReturnConsumedCapacity::Total);
        } else)+ {}
    };
}

/// The error code, if the error has one of these types.
macro_rules! code {
    ($error:expr, $($kind:ty),+) => {
        $(if let Some(error) = $error.downcast_ref::<$kind>() {
            error.code()
        } else)+ { None }
    };
}

/// Calls `count` with the consumed capacity, if the output has one of these types.
macro_rules! consumed {
    ($output:expr, $count:expr, $($kind:ty),+) => {
        $(if let Some(output) = $output.downcast_ref::<$kind>() {
            output.consumed_capacity().into_iter().for_each($count);
        } else)+ {}
    };
}

impl Intercept for Consumption {
    fn name(&self) -> &'static str {
        "Consumption"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        ask!(
            input,
            GetItemInput,
            UpdateItemInput,
            PutItemInput,
            TransactWriteItemsInput,
            QueryInput,
            DeleteItemInput,
            BatchGetItemInput,
            ScanInput,
            TransactGetItemsInput
        );
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(output) = context.output_or_error() else { return Ok(()) };
        consumed!(output, read, GetItemOutput, QueryOutput, BatchGetItemOutput, ScanOutput, TransactGetItemsOutput);
        consumed!(output, write, UpdateItemOutput, PutItemOutput, TransactWriteItemsOutput, DeleteItemOutput);
        Ok(())
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(Err(error)) = context.output_or_error() else { return Ok(()) };
        let Some(error) = error.as_operation_error() else { return Ok(()) };
        let code = code!(
            error,
            GetItemError,
            UpdateItemError,
            PutItemError,
            TransactWriteItemsError,
            QueryError,
            DeleteItemError,
            BatchGetItemError,
            ScanError,
            TransactGetItemsError
        );
        if matches!(
            code,
            Some("ProvisionedThroughputExceededException" | "ThrottlingException" | "RequestLimitExceeded")
        ) {
            measure(Metric::Throttles, 1.0);
        }
        Ok(())
    }
}

fn read(consumed: &ConsumedCapacity) {
    count(consumed, Units { read: consumed.capacity_units().unwrap_or_default(), write: 0.0 });
}

/// A transaction says which kind it used: a replayed one consumes reads only.
fn write(consumed: &ConsumedCapacity) {
    let units = match (consumed.read_capacity_units(), consumed.write_capacity_units()) {
        (None, None) => Units { read: 0.0, write: consumed.capacity_units().unwrap_or_default() },
        (read, write) => Units { read: read.unwrap_or_default(), write: write.unwrap_or_default() },
    };
    count(consumed, units);
}

fn count(consumed: &ConsumedCapacity, units: Units) {
    consume(consumed.table_name().unwrap_or_default(), units);
}
