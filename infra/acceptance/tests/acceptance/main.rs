//! The contract and the invariants, tested on the real handlers in one process.

mod accounts;
mod budget;
mod cancel;
mod concerts;
mod dates;
mod docs;
mod door_fuzz;
mod door_mutations;
mod door_parts;
mod door_rules;
mod expiry;
mod failures;
mod fences;
mod holds;
mod idempotency;
mod interleaving;
mod invariants;
mod joining;
mod journey;
mod leaving;
mod limits;
mod line;
mod money;
mod order;
mod parameters;
mod passing;
mod payment;
mod payment_races;
mod promotion;
mod purchases;
mod queue_clock;
mod queue_office;
mod queues;
mod refunds;
mod sales;
mod seat_map;
mod selling;
mod sessions_of_holds;
mod sleep;
mod stream;
mod support;
mod timers;
mod tokens;
mod ttl;

/// What a test gives: `?` where the harness fails.
type Outcome = Result<(), Box<dyn std::error::Error>>;
