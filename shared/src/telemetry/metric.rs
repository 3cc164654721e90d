//! The metrics, by name. The dashboard, the alarms and the runbook name the same ones, as a test checks.

/// A metric of ours in CloudWatch, in the namespace that is named like the deployment's stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Requests answered with 5xx.
    Failures,
    /// Requests answered with 429: beyond a limit against abuse.
    LimitsHit,
    /// Answers that repeated the first answer of an `Idempotency-Key`.
    IdempotentReplays,
    /// Logins with a wrong name or password.
    LoginFailures,
    /// Places drawn.
    Joins,
    /// Places admitted, by ticks and by walking in.
    Admissions,
    /// Admitted places that nobody claimed in time.
    NoShows,
    /// Seconds from the draw of a place to its claim; 0 for a fan who walked in.
    AdmissionWait,
    /// Fans who wait, as the last tick of the queue saw them.
    Waiting,
    /// Sessions, and admitted places without one yet, as the last tick of the queue saw them.
    Inside,
    /// Requests to hold seats.
    HoldsAttempted,
    /// Holds that were made.
    HoldsWon,
    /// Requests to hold seats that were refused, by the problem's code.
    HoldsLost,
    /// Holds whose time was over before they were paid.
    HoldsExpired,
    /// Payments that succeeded.
    Payments,
    /// Payments that were refused, by the problem's code.
    PaymentsRefused,
    /// Payments that were refunded.
    Refunds,
    /// Read units that DynamoDB reported to the function.
    ReadUnits,
    /// Write units that DynamoDB reported to the function; those of refused writes are not among them.
    WriteUnits,
    /// Requests that DynamoDB throttled; each attempt of the SDK counts.
    Throttles,
    /// Writes that were sent again after a conflict with another writer.
    Conflicts,
    /// Milliseconds from the end of a hold until its reservation was marked as expired.
    TimerLag,
    /// Milliseconds from a change in a table until the stream's function read it; the oldest of a batch.
    StreamLag,
    /// Milliseconds from when a tick was due until it ran.
    PromotionLag,
    /// Runs of the schedule that looks for lost ticks: one a minute.
    Heartbeat,
    /// Differences between items that `reconcile` saw twice.
    ReconcileDifferences,
}

impl Metric {
    /// All metrics.
    pub const ALL: [Metric; 26] = [
        Metric::Failures,
        Metric::LimitsHit,
        Metric::IdempotentReplays,
        Metric::LoginFailures,
        Metric::Joins,
        Metric::Admissions,
        Metric::NoShows,
        Metric::AdmissionWait,
        Metric::Waiting,
        Metric::Inside,
        Metric::HoldsAttempted,
        Metric::HoldsWon,
        Metric::HoldsLost,
        Metric::HoldsExpired,
        Metric::Payments,
        Metric::PaymentsRefused,
        Metric::Refunds,
        Metric::ReadUnits,
        Metric::WriteUnits,
        Metric::Throttles,
        Metric::Conflicts,
        Metric::TimerLag,
        Metric::StreamLag,
        Metric::PromotionLag,
        Metric::Heartbeat,
        Metric::ReconcileDifferences,
    ];

    /// The name in CloudWatch.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// The unit in CloudWatch.
    pub fn unit(self) -> &'static str {
        match self {
            Metric::AdmissionWait => "Seconds",
            Metric::TimerLag | Metric::StreamLag | Metric::PromotionLag => "Milliseconds",
            _ => "Count",
        }
    }

    /// The member of the log line that is the metric's dimension. Each value of a dimension is a metric that AWS bills.
    pub fn dimension(self) -> Option<&'static str> {
        match self {
            Metric::HoldsLost | Metric::PaymentsRefused => Some("code"),
            Metric::ReadUnits | Metric::WriteUnits => Some("function"),
            Metric::Waiting | Metric::Inside => Some("queue"),
            _ => None,
        }
    }
}

/// What an answered request counts as.
#[derive(Debug, Clone, Copy)]
pub struct Outcome<'a> {
    /// The route of the template, as in `POST /api/v1/tokens`.
    pub route: &'a str,
    /// The HTTP status.
    pub status: u16,
    /// The problem's code.
    pub code: Option<&'a str>,
    /// Whether the answer repeated the first one of its `Idempotency-Key`.
    pub replayed: bool,
}

impl Outcome<'_> {
    /// The metrics that the request adds 1 to.
    pub fn metrics(self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        match self.status {
            500.. => metrics.push(Metric::Failures),
            429 => metrics.push(Metric::LimitsHit),
            _ => {}
        }
        if self.replayed {
            metrics.push(Metric::IdempotentReplays);
            return metrics;
        }
        let (won, refused) = (self.status < 300, (400..500).contains(&self.status));
        match self.route {
            "POST /api/v1/users/login" if self.code == Some("bad_credentials") => metrics.push(Metric::LoginFailures),
            "POST /api/v1/tokens" if self.status == 201 => metrics.push(Metric::Joins),
            "POST /api/v1/reservations" => {
                metrics.push(Metric::HoldsAttempted);
                metrics.extend(won.then_some(Metric::HoldsWon));
                metrics.extend(refused.then_some(Metric::HoldsLost));
            }
            "POST /api/v1/payments/process" => {
                metrics.extend(won.then_some(Metric::Payments));
                metrics.extend(refused.then_some(Metric::PaymentsRefused));
            }
            "POST /api/v1/payments/{paymentId}/cancel" if won => metrics.push(Metric::Refunds),
            _ => {}
        }
        metrics
    }
}
