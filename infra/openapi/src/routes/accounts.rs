//! Accounts.

use crate::{
    examples,
    operation::{Caller, Operation},
    schemas::Schemas,
};
use serde_json::json;
use shared::{
    domain::refusal::Refusal,
    http::{
        requests::{Credentials, NewUser},
        views::{LoginBody, UserBody},
    },
};

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let credentials = json!({ "username": "mina", "password": "correct horse battery" });
    let user = json!({ "userId": examples::USER, "username": "mina", "createdAt": "2026-12-01T08:55:00.000Z" });
    let token = json!({
        "userId": examples::USER, "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl",
        "tokenType": "Bearer", "expiresIn": 3600,
    });
    vec![
        Operation::new("create_user", "post", "/api/v1/users", Caller::Nobody)
            .about("Accounts", "Sign up", "Makes an account with an empty balance.")
            .stored()
            .body::<NewUser>(s, credentials.clone())
            .limited()
            .refuses([Refusal::UsernameTaken])
            .answers(201, "The account.", &[], s.answer::<UserBody>(), user)
            .then(201, "login_user", json!({}), json!("$request.body")),
        Operation::new("login_user", "post", "/api/v1/users/login", Caller::Nobody)
            .about(
                "Accounts",
                "Log in",
                "An access token for user name and password. An unknown name and a wrong password get the same answer \
                 after the same time.",
            )
            .stored()
            .body::<Credentials>(s, credentials)
            .limited()
            .refuses([Refusal::BadCredentials])
            .answers(200, "The access token.", &[], s.answer::<LoginBody>(), token)
            .then(200, "get_balance", json!({ "userId": "$response.body#/userId" }), None)
            .then(200, "list_reservations", json!({ "userId": "$response.body#/userId" }), None),
    ]
}
