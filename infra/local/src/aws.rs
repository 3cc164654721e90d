//! Names and credentials of the stack's AWS.

/// The region of every resource of the stack.
pub const REGION: &str = "us-east-1";
/// The account of every resource of the stack: the emulators' default.
pub const ACCOUNT: &str = "000000000000";
/// Access key and secret key. The emulators do not check them.
pub const DUMMY_CREDENTIALS: (&str, &str) = ("local", "local");

/// The ARN of a message queue.
pub fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}")
}

/// The ARN of a function.
pub fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}
