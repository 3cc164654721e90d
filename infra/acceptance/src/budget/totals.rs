//! The bill: what an act costs with all that comes behind it, in units, requests and USD.

use super::{
    Prices, Result, Usage,
    sales::{self, Visit},
};

/// An act with what it may use and what it used, with all that comes behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct Total {
    /// The act.
    pub act: &'static str,
    /// The most that it may use.
    pub budget: Usage,
    /// What was measured.
    pub measured: Usage,
}

impl Total {
    /// Whether no figure exceeds the budget.
    pub fn is_kept(&self) -> bool {
        self.measured.figures().iter().zip(self.budget.figures()).all(|(used, allowed)| *used <= allowed)
    }

    fn line(&self, prices: &Prices) -> String {
        let Total { act, budget, measured } = self;
        let figures = measured.figures().into_iter().zip(budget.figures());
        let cells: Vec<String> = figures.map(|(used, allowed)| format!("{used} / {allowed}")).collect();
        let usd = format!("{:.2}", measured.usd_per_million(prices));
        row(act, &cells, &usd, if self.is_kept() { "ok" } else { "EXCEEDED" })
    }
}

fn row(act: &str, cells: &[String], usd: &str, verdict: &str) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| format!("{cell:>15}")).collect();
    format!("| {act:<46} | {} | {usd:>13} | {verdict:<8} |", cells.join(" | "))
}

/// Formats the table: a heading, a line for each act, and the prices.
pub fn table(totals: &[Total], prices: &Prices) -> String {
    let heading = ["write units", "read units", "DynamoDB", "SQS requests"].map(str::to_owned);
    let rule = format!("|{:-<48}|{}{:-<15}|{:-<10}|", "", format!("{:-<17}|", "").repeat(heading.len()), "", "");
    let mut lines = vec![row("with all behind it (measured / budget)", &heading, "USD a million", ""), rule];
    lines.extend(totals.iter().map(|total| total.line(prices)));
    lines.extend([String::new(), prices.to_string()]);
    lines.join("\n")
}

/// Fans of a sale in which one begins each second.
const IN_A_ROW: usize = 40;

/// Measures every act: the difference between a sale with it and one without it.
///
/// # Errors
/// Where a step does not answer as expected: then its cost means nothing.
pub async fn measure() -> Result<Vec<Total>> {
    let nothing = sales::visits(Visit::StaysAway, 1).await?;
    let joined = sales::visits(Visit::Joins, 1).await?;
    let bought = sales::visits(Visit::Buys, 1).await?;
    let cancelled = sales::visits(Visit::CancelsHold, 1).await?;
    let expired = sales::visits(Visit::LetsHoldExpire, 1).await?;
    let refunded = sales::visits(Visit::BuysAndReturns, 1).await?;
    let (quiet, busy) = (sales::visits(Visit::StaysAway, IN_A_ROW).await?, sales::visits(Visit::Buys, IN_A_ROW).await?);
    let (winners, all) = (sales::rush(sales::SEATS).await?, sales::rush(sales::RUSH).await?);
    let total = |act, budget, measured| Total { act, budget, measured };
    // Lower a budget once its act costs less.
    Ok(vec![
        total(
            "purchase: join, claim, hold, pay; alone",
            Usage::new(34.0, 57.5, 115.0, 19.0),
            bought.of_each(nothing, 1),
        ),
        total(
            "purchase, one of 40 that begin each second",
            Usage::new(20.88, 24.07, 41.48, 9.38),
            busy.of_each(quiet, IN_A_ROW),
        ),
        total("hold that is cancelled", Usage::new(17.0, 9.0, 17.0, 5.0), cancelled.of_each(joined, 1)),
        total("hold that expires", Usage::new(13.0, 8.0, 17.0, 5.0), expired.of_each(joined, 1)),
        total("refund", Usage::new(7.0, 5.0, 8.0, 1.0), refunded.of_each(bought, 1)),
        total(
            "lost hold, 400 fans at once on 50 seats",
            Usage::new(0.5, 2.0, 2.0, 0.0),
            all.of_each(winners, sales::RUSH - sales::SEATS),
        ),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_priced_and_kept_if_no_figure_exceeds_its_budget() {
        let (without, with) = (Usage::new(1.0, 2.0, 3.0, 4.0), Usage::new(9.0, 10.0, 11.0, 5.0));
        let (measured, prices) = (with.of_each(without, 4), Prices::default());
        assert_eq!(measured, Usage::new(2.0, 2.0, 2.0, 0.25));
        assert!((measured.usd_per_million(&prices) - 1.6).abs() < 1e-9);
        let kept = |budget| Total { act: "act", budget, measured }.is_kept();
        assert!(kept(measured));
        for tight in [
            Usage { write_units: 1.99, ..measured },
            Usage { read_units: 1.99, ..measured },
            Usage { dynamodb_requests: 1.99, ..measured },
            Usage { sqs_requests: 0.24, ..measured },
        ] {
            assert!(!kept(tight), "{tight:?}");
        }
    }
}
