//! Bodies of answers, as the contract writes them.

mod accounts;
mod concerts;
mod lines;
mod purchases;

pub use accounts::{Health, HealthBody, LoginBody, TokenType, UserBody};
pub use concerts::{ConcertBody, ConcertDate, SalesBody, SeatBody};
pub use lines::{AdminQueueBody, QueueBody, TokenBody, TokenStatus, WaitRange};
pub use purchases::{BalanceBody, LedgerBody, Page, PaymentBody, PaymentStatus, ReservationBody};
