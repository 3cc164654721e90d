//! Bodies of answers, as the contract writes them.

mod accounts;
mod concerts;
mod purchases;
mod queues;

pub use accounts::{Health, HealthBody, LoginBody, TokenType, UserBody};
pub use concerts::{ConcertBody, ConcertDate, SalesBody, SeatBody};
pub use purchases::{BalanceBody, LedgerBody, Page, PaymentBody, PaymentStatus, ReservationBody};
pub use queues::{AdminQueueBody, QueueBody, TokenBody, TokenStatus, WaitRange};
