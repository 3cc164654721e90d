//! Checks the sale times that a request sets.

use super::Problem;
use crate::domain::concert::Concert;

/// Which times of a sale a request sets.
#[derive(Debug, Clone, Copy)]
pub struct SaleTimes {
    /// Whether it sets `saleOpensAt` to a time; null does not count.
    pub opens: bool,
    /// Whether it sets `saleClosesAt`, to a time or to null.
    pub closes: bool,
}

impl SaleTimes {
    /// Checks a concert as the request leaves it. Times that the request does not set are never refused.
    ///
    /// # Errors
    /// 400 with a pointer to a time that the request sets.
    pub fn check(self, concert: &Concert) -> Result<(), Problem> {
        if self.closes && concert.ends_at < concert.sale_closes_at {
            return Err(Problem::invalid("/saleClosesAt", "must not be after endsAt"));
        }
        if concert.sale_opens_at < concert.sale_closes_at {
            return Ok(());
        }
        match self {
            SaleTimes { closes: true, .. } => Err(Problem::invalid("/saleClosesAt", "must be after saleOpensAt")),
            SaleTimes { opens: true, .. } => Err(Problem::invalid("/saleOpensAt", "must be before saleClosesAt")),
            SaleTimes { .. } => Ok(()),
        }
    }
}
