//! The operations that describe the system: keys, this document, its page, health.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::http::views::HealthBody;

const TAG: &str = "System";

const KEYS: &str = "\
Returns the public keys of both kinds of token, for services that check a token themselves. The `kid` in a token's \
header names its key. Ask again when a `kid` is unknown: keys change when the operators replace a signing secret.";

const DOCUMENT: &str = "\
Returns this description of the API as OpenAPI 3.1, for tools that make clients or tests from it.";

const PAGE: &str = "\
Returns a page on which people read this document and try every operation. It loads nothing but this document.";

const HEALTH: &str = "\
Returns 200 if the function runs and the tables answer, and 503 if the tables do not. For monitors; it needs no \
token.";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let document = json!({ "openapi": "3.1.0", "info": { "title": "Stagedoor", "version": "1" }, "paths": {} });
    let any = json!({ "type": "object", "description": "An OpenAPI 3.1 document: this one." });
    vec![
        Operation::new("get_jwks", "get", "/.well-known/jwks.json", Caller::Nobody)
            .about(TAG, "Get the keys that tokens are signed with", KEYS)
            .stored()
            .answers(
                200,
                "The public keys of the deployment.",
                &[],
                json!({ "$ref": "#/components/schemas/KeySet" }),
                examples::key_set(),
            )
            .cached(),
        Operation::new("describe_api", "get", "/openapi.json", Caller::Nobody)
            .about(TAG, "Get this document", DOCUMENT)
            .answers(200, "The whole OpenAPI document.", &[], any, document)
            .cached(),
        Operation::new("show_docs", "get", "/docs", Caller::Nobody)
            .about(TAG, "Read and try the API in a browser", PAGE)
            .answers_page(
                "The page as HTML.",
                &["Content-Security-Policy", "Referrer-Policy", "X-Content-Type-Options"],
                "<!DOCTYPE html>\n<html lang=\"en\">...</html>",
            ),
        Operation::new("check_health", "get", "/health", Caller::Nobody)
            .about(TAG, "See whether the system works", HEALTH)
            .stored()
            .answers(
                200,
                "The function runs, the tables answer, and the signing secret is fit for use.",
                &[],
                s.answer::<HealthBody>(),
                json!({ "status": "ok" }),
            ),
    ]
}
