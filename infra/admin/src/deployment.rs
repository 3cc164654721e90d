//! Finds the table with the accounts of a deployment.

use std::{error::Error, fs, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider},
};
use aws_sdk_dynamodb::Client;
use shared::{
    bootstrap::sdk_config, config::Config, context::Context, secrets::Secrets, store::Store, telemetry::chain,
};
use tools::workspace;

use crate::options::Place;

/// The logical id of the table in the template.
const TABLE: &str = "FansTable";

/// The store of a deployment, which knows its table of accounts and no other.
///
/// # Errors
/// In words for the terminal: no local stack at that port; no region, no credentials, or no such stack.
pub async fn store(place: &Place) -> Result<Store, Box<dyn Error>> {
    let (client, table) = match place {
        Place::Local(port) => (Client::new(&local(*port)?), "Fans".to_owned()),
        Place::Stack(stack) => {
            let client = Client::new(&deployed().await?);
            let table = table_of(&client, stack).await?;
            (client, table)
        }
    };
    let config = Config::from_lookup(|name| match name {
        "FANS_TABLE" => Some(table.clone()),
        // Not used, but every configuration has them.
        name => ["_TABLE", "_URL", "_SECRET"].iter().any(|end| name.ends_with(end)).then(|| name.to_lowercase()),
    })?;
    let context = Context::system();
    let secrets = Arc::new(Secrets::none(context.clone()));
    Ok(Store::new(client, &config, secrets, context))
}

fn local(port: u16) -> Result<SdkConfig, String> {
    let file = workspace::local_dynamodb(port);
    let endpoint = fs::read_to_string(file)
        .map_err(|_| format!("no `cargo local` runs at port {port}; --stack names a deployment"))?;
    Ok(SdkConfig::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(Region::from_static("us-east-1"))
        .credentials_provider(SharedCredentialsProvider::new(Credentials::new("local", "local", None, None, "local")))
        .endpoint_url(endpoint.trim())
        .build())
}

async fn deployed() -> Result<SdkConfig, String> {
    let config = sdk_config().await;
    if config.region().is_none() {
        return Err("this shell names no AWS region: set AWS_REGION".to_owned());
    }
    let provider = config.credentials_provider().ok_or("this shell has no AWS credentials")?;
    let found = provider.provide_credentials().await;
    found.map_err(|error| format!("this shell has no AWS credentials: {}", chain(&error)))?;
    Ok(config)
}

/// The table of a stack. CloudFormation names it after the stack and the logical id.
async fn table_of(client: &Client, stack: &str) -> Result<String, String> {
    let prefix = format!("{stack}-{TABLE}-");
    // Tables are listed in order of their names: this one sorts right before those of the stack.
    let page = client.list_tables().exclusive_start_table_name(&prefix).limit(2).send().await;
    let page = page.map_err(|error| format!("cannot list the tables: {}", chain(&error)))?;
    let names: Vec<String> = page.table_names.unwrap_or_default();
    let names: Vec<String> = names.into_iter().filter(|name| name.starts_with(&prefix)).collect();
    match &names[..] {
        [table] => Ok(table.clone()),
        [] => Err(format!("the stack {stack} has no table here: look at its name and at the region")),
        several => Err(format!("several tables could be that of {stack}: {}", several.join(", "))),
    }
}
