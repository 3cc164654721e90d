//! The operations on accounts.

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

const TAG: &str = "Accounts";

const SIGN_UP: &str = "\
Creates an account with an empty balance. It does not log the fan in: `POST /api/v1/users/login` does.

A name that is taken is 409 `username_taken`. A retry after a lost answer is 409 too, because the account exists by \
then: log in with the same password to find out. Sign-ups are limited by address: on 429 wait for `Retry-After`.";

const LOG_IN: &str = "\
Returns an access token for a user name and its password. An unknown name and a wrong password get the same 401 \
`bad_credentials`, after the same time.

A retry is safe: each login returns one more token, and ends neither older tokens nor a place in a queue. Logins are \
limited by user name and by address: on 429 wait for `Retry-After`.";

pub fn operations(s: &mut Schemas) -> Vec<Operation> {
    let credentials = json!({ "username": "mina", "password": "correct horse battery" });
    let user = json!({ "userId": examples::USER, "username": "mina", "createdAt": "2026-12-01T08:55:00.000Z" });
    let token = json!({
        "userId": examples::USER, "accessToken": "eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.e30.c2lnbmF0dXJl",
        "tokenType": "Bearer", "expiresIn": 3600,
    });
    vec![
        Operation::new("create_user", "post", "/api/v1/users", Caller::Nobody)
            .about(TAG, "Sign up", SIGN_UP)
            .stored()
            .body::<NewUser>(s, credentials.clone())
            .limited()
            .refuses([Refusal::UsernameTaken])
            .answers(201, "The account was created.", &[], s.answer::<UserBody>(), user)
            .then(201, "login_user", json!({}), json!("$request.body")),
        Operation::new("login_user", "post", "/api/v1/users/login", Caller::Nobody)
            .about(TAG, "Log in", LOG_IN)
            .stored()
            .body::<Credentials>(s, credentials)
            .limited()
            .refuses([Refusal::BadCredentials])
            .answers(200, "The access token of the fan.", &[], s.answer::<LoginBody>(), token)
            .then(200, "get_balance", json!({ "userId": "$response.body#/userId" }), None)
            .then(200, "list_reservations", json!({ "userId": "$response.body#/userId" }), None),
    ]
}
