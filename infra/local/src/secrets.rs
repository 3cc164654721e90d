//! Secrets Manager: the template's secrets, in the emulator that also serves SQS. Their values are those of the data
//! directory.

use aws_sdk_secretsmanager::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use template::Template;

use crate::{
    aws::{DUMMY_CREDENTIALS, REGION},
    failure::{Context, Failure},
    state::State,
};

/// The length of a generated secret (characters).
const LENGTH: usize = 64;

/// Creates every secret of the template, under its logical id.
///
/// # Errors
/// When the emulator refuses one, or a new value cannot be stored.
pub async fn create(endpoint: &str, template: &Template, state: &State) -> Result<(), Failure> {
    let client = client(endpoint);
    for name in &template.secrets {
        let value = state.secret(name, LENGTH)?;
        let created = client.create_secret().name(name).secret_string(value).send().await;
        created.map_err(aws_sdk_secretsmanager::Error::from).context(name)?;
    }
    Ok(())
}

/// Stores the values that the data directory has now, as new versions where they have changed.
///
/// # Errors
/// As [`create`].
pub async fn update(endpoint: &str, template: &Template, state: &State) -> Result<(), Failure> {
    state.read_secrets()?;
    let client = client(endpoint);
    for name in &template.secrets {
        let value = state.secret(name, LENGTH)?;
        let stored = client.get_secret_value().secret_id(name).send().await;
        let stored = stored.map_err(aws_sdk_secretsmanager::Error::from).context(name)?;
        if stored.secret_string.as_deref() != Some(value.as_str()) {
            let put = client.put_secret_value().secret_id(name).secret_string(value).send().await;
            put.map_err(aws_sdk_secretsmanager::Error::from).context(name)?;
        }
    }
    Ok(())
}

fn client(endpoint: &str) -> Client {
    let (key, secret) = DUMMY_CREDENTIALS;
    let config = aws_sdk_secretsmanager::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "local"));
    Client::from_conf(config.build())
}
