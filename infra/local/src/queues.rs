//! SQS and Secrets Manager: an emulator (ministack) with the template's message queues and secrets.
//!
//! Messages live in memory, even where the tables live in a file, so a restart loses the timers of open holds.
//! `sweep_holds` finds those holds within a minute, as it does on AWS where a timer is lost.

use std::{collections::BTreeMap, net::TcpListener, os::fd::OwnedFd, process::Stdio, time::Duration};

use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig, retry::RetryConfig},
    types::QueueAttributeName,
};
use serde_json::json;
use template::{Queue, Template};
use tokio::{process::Command, time};
use tools::python::PythonEnvironment;

use crate::{
    aws::{ACCOUNT, DUMMY_CREDENTIALS, REGION, queue_arn},
    child::Group,
    failure::{Context, Failure},
    state::State,
};

/// How long the emulator may take to start.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// The Python program that serves the emulator on an inherited socket.
const EMULATOR: &str = include_str!("sqs_emulator.py");

/// The running emulator and its message queues.
pub struct Queues {
    /// The emulator's address, `http://...`.
    pub endpoint: String,
    /// A client of the emulator.
    pub client: Client,
    urls: BTreeMap<String, String>,
    process: Group,
}

impl Queues {
    /// Starts the emulator and creates the message queues of the template.
    ///
    /// # Errors
    /// When the emulator does not start or refuses a message queue.
    pub async fn start(python: &PythonEnvironment, state: &State, template: &Template) -> Result<Self, Failure> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).context("ministack")?;
        let address = listener.local_addr().context("ministack")?;
        let endpoint = format!("http://{address}");
        let process = spawn(python, state, listener, address.port()).context("ministack")?;
        let client = client(&endpoint);
        let mut queues = Self { endpoint, client, urls: BTreeMap::new(), process };
        queues.wait_until_up(state).await?;
        // A dead-letter queue must exist before the queues that redrive to it.
        let (dead_letter, redriven): (Vec<_>, Vec<_>) =
            template.queues.iter().partition(|queue| queue.redrive.is_none());
        for queue in dead_letter.into_iter().chain(redriven) {
            let url = queues.create(queue).await?;
            queues.urls.insert(queue.logical_id.clone(), url);
        }
        Ok(queues)
    }

    /// The URL of the message queue with this logical id.
    pub fn url(&self, logical_id: &str) -> Option<&str> {
        self.urls.get(logical_id).map(String::as_str)
    }

    async fn wait_until_up(&mut self, state: &State) -> Result<(), Failure> {
        let logs = state.directory.join("logs/ministack.log");
        let up = async {
            while self.client.list_queues().send().await.is_err() {
                time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! {
            () = up => Ok(()),
            _ = self.process.wait() => Err(Failure::new(format!("ministack ended; see {}", logs.display()))),
            () = time::sleep(START_TIMEOUT) => {
                Err(Failure::new(format!("ministack does not answer; see {}", logs.display())))
            }
        }
    }

    async fn create(&self, queue: &Queue) -> Result<String, Failure> {
        let mut request = self
            .client
            .create_queue()
            .queue_name(&queue.logical_id)
            .attributes(QueueAttributeName::VisibilityTimeout, queue.visibility_timeout_seconds.to_string())
            .attributes(QueueAttributeName::DelaySeconds, queue.delay_seconds.to_string())
            .attributes(QueueAttributeName::MessageRetentionPeriod, queue.message_retention_seconds.to_string());
        if let Some(redrive) = &queue.redrive {
            let policy = json!({
                "deadLetterTargetArn": queue_arn(&redrive.target),
                "maxReceiveCount": redrive.max_receive_count.to_string(),
            });
            request = request.attributes(QueueAttributeName::RedrivePolicy, policy.to_string());
        }
        let created = request.send().await.map_err(aws_sdk_sqs::Error::from).context(&queue.logical_id)?;
        created.queue_url.ok_or_else(|| Failure::new(format!("{} has no URL", queue.logical_id)))
    }
}

fn spawn(python: &PythonEnvironment, state: &State, listener: TcpListener, port: u16) -> Result<Group, Failure> {
    let log = state.log("ministack")?;
    let mut command = Command::new(python.program("python"));
    command
        .args(["-c", EMULATOR])
        .env("MINISTACK_HOST", "127.0.0.1")
        .env("GATEWAY_PORT", port.to_string())
        .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
        .env("MINISTACK_REGION", REGION)
        .env("SERVICES", "sqs,secretsmanager")
        .env("IOT_MTLS_ENABLED", "0")
        .env("LOG_LEVEL", "WARNING")
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{port}"))
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(log.try_clone().context("log")?)
        .stderr(log);
    Group::start(&mut command).context("python")
}

fn client(endpoint: &str) -> Client {
    let (key, secret) = DUMMY_CREDENTIALS;
    let config = aws_sdk_sqs::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .endpoint_url(endpoint)
        .region(Region::new(REGION))
        .credentials_provider(Credentials::new(key, secret, None, None, "local"))
        // The pollers try again by themselves.
        .retry_config(RetryConfig::disabled())
        // It would look at each waiting request twice a second.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    Client::from_conf(config.build())
}
