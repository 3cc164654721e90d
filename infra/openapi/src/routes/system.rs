//! What the system says about itself.

use crate::{
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::http::views::HealthBody;

const TAG: &str = "System";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    vec![
        Operation::new("get_jwks", "get", "/.well-known/jwks.json", Caller::Nobody)
            .about(TAG, "Get the keys that tokens are signed with", "While keys are rotated there are several.")
            .answers(200, "The keys.", &[], json!({ "$ref": "#/components/schemas/KeySet" }), None),
        Operation::new("describe_api", "get", "/openapi.json", Caller::Nobody)
            .about(TAG, "Get this document", "OpenAPI 3.1.")
            .answers(200, "The document.", &[], json!({ "type": "object" }), None),
        Operation::new("show_docs", "get", "/docs", Caller::Nobody)
            .about(TAG, "Read and try the API in a browser", "One page that loads nothing but this document.")
            .answers_page(
                "The page, compressed for whoever accepts gzip.",
                &["Content-Encoding", "Content-Security-Policy", "Referrer-Policy", "Vary", "X-Content-Type-Options"],
            ),
        Operation::new("check_health", "get", "/health", Caller::Nobody)
            .about(TAG, "See whether the system works", "200 when the tables answer.")
            .stored()
            .answers(200, "It works.", &[], s.answer::<HealthBody>(), json!({ "status": "ok" })),
    ]
}
