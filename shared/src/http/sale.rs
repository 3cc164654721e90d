//! When a concert is sold, as a request sets it.

use super::Problem;
use crate::domain::concert::Concert;

/// Which times of a sale a request sets.
#[derive(Debug, Clone, Copy)]
pub struct SaleTimes {
    /// `saleOpensAt`, to a time of its own.
    pub opens: bool,
    /// `saleClosesAt`.
    pub closes: bool,
}

impl SaleTimes {
    /// Judges a concert by the times that a request sets; what the request leaves as it was is not judged.
    ///
    /// # Errors
    /// 400 with a pointer to a time that was sent.
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
