//! The environment variables of the functions.

use std::{collections::BTreeMap, env};

use template::{Function, Reference, Template};

use crate::{
    aws::{ACCOUNT, DUMMY_CREDENTIALS, REGION, queue_arn},
    failure::{Context, Failure},
    queues::Queues,
};

/// Parameters whose defaults suit AWS but not a laptop: here a person watches the queue, pages come from other ports,
/// ticks and recharges cost nothing, and a load test sends everything from one address.
const LOCAL_PARAMETERS: [(&str, &str); 9] = [
    ("AllowedOrigins", "loopback"),
    ("RechargeBy", "fan"),
    ("TickSeconds", "2"),
    ("SignUpsPerAddress", "100000"),
    ("LoginsPerAddress", "100000"),
    ("LoginsPerUsername", "10000"),
    ("JoinsPerAddress", "100000"),
    ("JoinsPerFan", "10000"),
    ("PlacesPerFan", "10000"),
];

/// What the environment variables of a function are made from.
pub struct FunctionEnvironment<'a> {
    /// The template, which lists the variables.
    pub template: &'a Template,
    /// The message queues, for their URLs.
    pub queues: &'a Queues,
    /// The address at which functions reach DynamoDB, `http://...`.
    pub dynamodb: &'a str,
}

impl FunctionEnvironment<'_> {
    /// Returns the variables that `function` gets on top of those of this process: the template's, whose values a
    /// variable of this process overrides, and those that Lambda sets.
    ///
    /// # Errors
    /// When the template refers to a resource that the local stack does not have.
    pub fn variables(&self, function: &Function) -> Result<BTreeMap<String, String>, Failure> {
        let parameters = LOCAL_PARAMETERS.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let mut variables = self
            .template
            .environment(function, &parameters, &|reference| self.resolve(reference))
            .context(&function.name)?;
        for (name, value) in &mut variables {
            if let Ok(given) = env::var(name) {
                *value = given;
            }
        }
        let (key, secret) = DUMMY_CREDENTIALS;
        let fixed = [
            ("AWS_REGION", REGION),
            ("AWS_DEFAULT_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb),
            ("AWS_ENDPOINT_URL_SQS", &self.queues.endpoint),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.queues.endpoint),
            ("_HANDLER", &function.name),
            ("AWS_LAMBDA_FUNCTION_NAME", &function.name),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", &function.memory_mb.to_string()),
            ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand"),
            ("AWS_LAMBDA_LOG_GROUP_NAME", &format!("/aws/lambda/{}", function.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "local"),
        ];
        variables.extend(fixed.map(|(name, value)| (name.to_owned(), value.to_owned())));
        Ok(variables)
    }

    fn resolve(&self, reference: Reference<'_>) -> Option<String> {
        match reference {
            Reference::Resource("AWS::Region") => Some(REGION.to_owned()),
            Reference::Resource("AWS::StackName") => Some("local".to_owned()),
            Reference::Resource("AWS::AccountId") => Some(ACCOUNT.to_owned()),
            Reference::Resource(id) => {
                let table = self.template.table(id).map(|table| table.name.clone());
                // A secret has the name of its logical id, too.
                let secret = self.template.secrets.iter().find(|secret| *secret == id);
                table.or_else(|| self.queues.url(id).map(str::to_owned)).or_else(|| secret.cloned())
            }
            Reference::Attribute(id, "Arn") => self.template.queue(id).map(|queue| queue_arn(&queue.logical_id)),
            Reference::Attribute(..) => None,
        }
    }
}
