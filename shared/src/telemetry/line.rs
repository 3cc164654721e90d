//! The one log line of an invocation, which is also its metrics: CloudWatch reads them from the line (embedded metric
//! format), so that they cost no request.

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Map, Value, json};

use super::{
    meter::Meter,
    metric::{Metric, Outcome},
};
use crate::domain::time::Timestamp;

/// Where lines go.
type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// Writes the lines of a function.
#[derive(Clone)]
pub struct Lines {
    /// The function's name, which is that of its crate.
    function: String,
    /// The namespace of the metrics in CloudWatch.
    namespace: String,
    sink: Option<Sink>,
    started: Arc<AtomicBool>,
}

/// An answered request.
#[derive(Debug, Clone, Copy)]
pub struct Answered<'a> {
    /// Route, status and code.
    pub outcome: Outcome<'a>,
    /// The id that the answer carried as `x-request-id`.
    pub request_id: &'a str,
    /// X-Ray's id of the trace, if there is one.
    pub trace_id: Option<&'a str>,
    /// From the event to the answer.
    pub took: Duration,
}

impl Lines {
    /// Writes no line, for tools and tests.
    pub fn none() -> Self {
        Lines { function: String::new(), namespace: String::new(), sink: None, started: Arc::default() }
    }

    /// Writes to standard output, which Lambda sends to CloudWatch.
    pub fn stdout(function: String, namespace: String) -> Self {
        Self::to(function, namespace, |line| {
            // In one piece, so that lines do not mix. A broken pipe must not cost the client its answer.
            let _ = std::io::stdout().write_all(line.as_bytes());
        })
    }

    /// Hands each line, with its line break, to `sink`.
    pub fn to(function: String, namespace: String, sink: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Lines { function, namespace, sink: Some(Arc::new(sink)), started: Arc::default() }
    }

    /// The line of a request.
    pub fn request(&self, answered: Answered<'_>, meter: &Meter, now: Timestamp) {
        let Answered { outcome, request_id, trace_id, took } = answered;
        let mut members = self.members("request", meter);
        members.insert("requestId".to_owned(), json!(request_id));
        members.insert("traceId".to_owned(), json!(trace_id));
        members.insert("route".to_owned(), json!(outcome.route));
        members.insert("status".to_owned(), json!(outcome.status));
        members.insert("code".to_owned(), json!(outcome.code));
        members.insert("millis".to_owned(), json!(millis(took)));
        let counted = outcome.metrics().into_iter().map(|metric| (metric, 1.0));
        self.write(members, counted.chain(measured(meter)), now);
    }

    /// The line of a batch, or of a scheduled run.
    pub fn batch(&self, request_id: &str, trace_id: Option<&str>, took: Duration, meter: &Meter, now: Timestamp) {
        let mut members = self.members("batch", meter);
        members.insert("requestId".to_owned(), json!(request_id));
        members.insert("traceId".to_owned(), json!(trace_id));
        members.insert("millis".to_owned(), json!(millis(took)));
        self.write(members, measured(meter), now);
    }

    /// The line of a queue that a tick changed, with the queue's own metrics.
    pub fn queue(&self, queue: &str, metrics: &[(Metric, f64)], now: Timestamp) {
        let members = Map::from_iter([
            ("message".to_owned(), json!("tick")),
            ("function".to_owned(), json!(self.function)),
            ("queue".to_owned(), json!(queue)),
        ]);
        self.write(members, metrics.iter().copied(), now);
    }

    fn members(&self, message: &str, meter: &Meter) -> Map<String, Value> {
        let units = meter.units.iter().map(|(table, units)| (table.clone(), json!([units.read, units.write])));
        Map::from_iter([
            ("message".to_owned(), json!(message)),
            ("function".to_owned(), json!(self.function)),
            ("coldStart".to_owned(), json!(!self.started.swap(true, Ordering::Relaxed))),
            ("units".to_owned(), Value::Object(units.collect())),
        ])
    }

    fn write(&self, mut members: Map<String, Value>, metrics: impl Iterator<Item = (Metric, f64)>, now: Timestamp) {
        let Some(sink) = &self.sink else { return };
        members.insert("timestamp".to_owned(), json!(now.rfc3339()));
        members.insert("level".to_owned(), json!("INFO"));
        embed(&mut members, metrics, &self.namespace, now);
        let mut line = Value::Object(members).to_string();
        line.push('\n');
        sink(&line);
    }
}

/// What a meter measured, with the units that were consumed.
fn measured(meter: &Meter) -> impl Iterator<Item = (Metric, f64)> {
    let total = meter.total();
    let units = [(Metric::ReadUnits, total.read), (Metric::WriteUnits, total.write)];
    meter.measured.iter().copied().chain(units.into_iter().filter(|(_, units)| *units > 0.0))
}

/// Adds the metrics to a line. Counts of one metric are added up; durations stay apart, so that CloudWatch knows their
/// percentiles.
fn embed(
    members: &mut Map<String, Value>,
    metrics: impl Iterator<Item = (Metric, f64)>,
    namespace: &str,
    now: Timestamp,
) {
    let mut values: BTreeMap<Metric, Vec<f64>> = BTreeMap::new();
    for (metric, value) in metrics {
        let known = values.entry(metric).or_default();
        match (metric.unit(), &mut known[..]) {
            ("Count", [sum]) => *sum += value,
            // The most values of one metric that CloudWatch reads from a line.
            (_, measured) if measured.len() == 100 => {}
            _ => known.push(value),
        }
    }
    if values.is_empty() {
        return;
    }
    let mut by_dimension: BTreeMap<Option<&str>, Vec<Value>> = BTreeMap::new();
    for (metric, values) in values {
        let directive = json!({ "Name": metric.name(), "Unit": metric.unit() });
        by_dimension.entry(metric.dimension()).or_default().push(directive);
        members.insert(metric.name(), if let [value] = values[..] { json!(value) } else { json!(values) });
    }
    let directives: Vec<Value> = by_dimension
        .into_iter()
        .map(|(dimension, metrics)| {
            json!({ "Namespace": namespace, "Dimensions": [Vec::from_iter(dimension)], "Metrics": metrics })
        })
        .collect();
    members.insert("_aws".to_owned(), json!({ "Timestamp": now.millis(), "CloudWatchMetrics": directives }));
}

fn millis(took: Duration) -> f64 {
    (took.as_secs_f64() * 1e5).round() / 100.0
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn written(write: impl FnOnce(&Lines)) -> Value {
        let text = Arc::new(Mutex::new(String::new()));
        let lines = Lines::to("create_reservation".to_owned(), "sale".to_owned(), {
            let text = Arc::clone(&text);
            move |line| text.lock().expect("no panic").push_str(line)
        });
        write(&lines);
        let text = text.lock().expect("no panic");
        assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    fn refused_hold(lines: &Lines) {
        let outcome = Outcome {
            route: "POST /api/v1/reservations",
            status: 409,
            code: Some("seat_unavailable"),
            replayed: false,
        };
        let took = Duration::from_micros(12_345);
        let mut meter = Meter::default();
        meter.units.insert("Concerts".to_owned(), super::super::meter::Units { read: 2.0, write: 0.0 });
        meter.measured = vec![(Metric::Conflicts, 1.0), (Metric::Conflicts, 1.0)];
        let answered = Answered { outcome, request_id: "id-1", trace_id: None, took };
        lines.request(answered, &meter, Timestamp::from_seconds(1_000));
    }

    #[test]
    fn a_line_says_what_happened_and_carries_its_metrics() {
        let line = written(refused_hold);
        assert_eq!(line["requestId"], "id-1");
        assert_eq!((&line["status"], &line["code"]), (&json!(409), &json!("seat_unavailable")));
        assert_eq!(line["millis"], 12.35);
        assert_eq!(line["coldStart"], true);
        assert_eq!(line["units"], json!({ "Concerts": [2.0, 0.0] }));
        assert_eq!(line["timestamp"], "1970-01-01T00:16:40.000Z");
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().expect("a list");
        let of = |dimensions: Value| -> Vec<&str> {
            let found = directives.iter().find(|directive| directive["Dimensions"] == json!([dimensions]));
            let metrics = found.expect("a directive")["Metrics"].as_array().expect("a list");
            metrics.iter().filter_map(|metric| metric["Name"].as_str()).collect()
        };
        assert!(directives.iter().all(|directive| directive["Namespace"] == "sale"));
        assert_eq!(of(json!([])), ["HoldsAttempted", "Conflicts"]);
        assert_eq!(of(json!(["code"])), ["HoldsLost"]);
        assert_eq!(of(json!(["function"])), ["ReadUnits"]);
        assert_eq!(
            (&line["HoldsLost"], &line["Conflicts"], &line["ReadUnits"]),
            (&json!(1.0), &json!(2.0), &json!(2.0))
        );
    }

    #[test]
    fn durations_stay_apart_up_to_what_cloudwatch_reads() {
        let meter = Meter { measured: vec![(Metric::TimerLag, 5.0); 150], ..Meter::default() };
        let line = written(|lines| {
            lines.batch("id", Some("1-2"), Duration::ZERO, &meter, Timestamp::from_seconds(1));
        });
        assert_eq!(line["TimerLag"].as_array().map(Vec::len), Some(100));
        assert_eq!(line["traceId"], "1-2");
    }

    #[test]
    fn every_metric_of_a_line_has_its_dimension_there() {
        for metric in Metric::ALL {
            let member = metric.dimension().unwrap_or("message");
            assert!(["message", "code", "function", "queue"].contains(&member), "{metric:?}");
        }
    }
}
