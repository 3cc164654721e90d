//! The metrics of the code, the dashboard, the alarms and the runbook name the same things.

use shared::telemetry::metric::Metric;
use std::{collections::BTreeSet, fs};
use tools::workspace;

/// The text between each `before` and the next `after`.
fn between<'a>(text: &'a str, before: &str, after: &str) -> BTreeSet<&'a str> {
    text.split(before).skip(1).filter_map(|rest| rest.split(after).next()).collect()
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace::root().join(path)).expect("a file of the repository")
}

#[test]
fn the_dashboard_and_the_runbook_have_every_metric_and_no_other() {
    let names: BTreeSet<String> = Metric::ALL.into_iter().map(Metric::name).collect();
    let names: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let template = read("infra/operations.yaml");
    let mut shown = between(&template, "[\"${Namespace}\", \"", "\"");
    shown.extend(between(&template, "MetricName=\\\"", "\\\""));
    assert_eq!(shown, names, "on the dashboard");
    let runbook = read("infra/docs/runbook.md");
    let table = runbook.split("## Metrics").nth(1).expect("a list of metrics");
    let rows = table.lines().filter(|line| line.starts_with("| `")).map(|line| line.split('|').nth(1).expect("a cell"));
    let listed: BTreeSet<&str> = rows.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
    assert_eq!(listed, names, "in the runbook");
}

#[test]
fn every_alarm_has_its_page_and_every_page_its_alarm() {
    let (template, runbook) = (read("infra/operations.yaml"), read("infra/docs/runbook.md"));
    let alarms = between(&template, "AlarmName: !Sub \"${Namespace}-", "\"");
    let pages = runbook.split("\n## ").find(|section| section.starts_with("Alarms")).expect("a section");
    assert_eq!(between(pages, "\n### ", "\n"), alarms);
    assert_eq!(between(&template, "See ", " in infra/docs/runbook.md"), alarms, "each description names its page");
    let shown = template.split("\"alarms\": [").nth(1).expect("a widget");
    assert_eq!(between(shown, "\"${", ".Arn}\""), alarms, "on the dashboard");
}

#[test]
fn an_alarm_of_ours_watches_a_metric_of_ours() {
    let template = read("infra/operations.yaml");
    let mut watched = between(&template, "Namespace: !Ref Namespace\n      MetricName: ", "\n");
    watched.retain(|name| !Metric::ALL.iter().any(|metric| metric.name() == *name && metric.dimension().is_none()));
    assert_eq!(watched, BTreeSet::new(), "a metric with a dimension has no value without it");
}
