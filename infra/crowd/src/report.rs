//! The report: one page of HTML with charts, which needs nothing else.

use std::fmt::Write;

use crate::{
    check::Verdict,
    options::{Arrival, Options},
    record::{Collected, Kind, Second},
};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 200.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 22.0;

const STYLE: &str = "\
:root { color-scheme: light dark; --ink: light-dark(#1c2430, #e8ecf2); --quiet: light-dark(#667085, #98a2b3); \
--line: light-dark(#d5dae1, #39414d); --paper: light-dark(#fff, #14181e); --a: light-dark(#1f6feb, #6ea8ff); \
--b: light-dark(#c2410c, #ff9a5c); --c: light-dark(#15803d, #5fd38d); } \
body { margin: 0 auto; max-width: 62rem; padding: 1.5rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink); \
background: var(--paper); } h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin: 2rem 0 0.25rem; } \
svg { width: 100%; height: auto; } svg text { fill: var(--quiet); font-size: 11px; } \
table { border-collapse: collapse; font-variant-numeric: tabular-nums; } \
th, td { text-align: right; padding: 0.2rem 0.75rem; border-bottom: 1px solid var(--line); } \
th:first-child, td:first-child { text-align: left; } .legend { color: var(--quiet); font-size: 0.85rem; margin: 0; }";

/// A line of a chart: name, colour, and its value in each second.
type Line<'a> = (&'a str, &'a str, fn(&Second) -> f64);

/// Writes the page.
pub fn page(options: &Options, collected: &Collected, verdicts: &[Verdict]) -> String {
    let mut page = String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">");
    let _ =
        write!(page, "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>A crowd</title>");
    let _ = write!(page, "<style>{STYLE}</style><h1>A crowd of {} fans</h1>", options.fans);
    summary(&mut page, options, collected);
    checks(&mut page, verdicts);
    let charts: [(&str, &[Line<'_>]); 3] = [
        (
            "Waiting, inside, and seats sold",
            &[
                ("waiting", "--b", |second| second.moment.waiting as f64),
                ("inside", "--a", |second| second.moment.inside as f64),
                ("sold", "--c", |second| second.moment.sold as f64),
            ],
        ),
        (
            "Fans who came, and fans who are done",
            &[("came", "--b", |second| second.moment.came as f64), ("done", "--a", |second| second.moment.done as f64)],
        ),
        (
            "Milliseconds to the answer, each second",
            &[
                ("half", "--a", |second| second.p50),
                ("95 of a hundred", "--c", |second| second.p95),
                ("99 of a hundred", "--b", |second| second.p99),
            ],
        ),
    ];
    for (title, lines) in charts {
        chart(&mut page, title, lines, &collected.seconds);
    }
    latencies(&mut page, collected);
    outcomes(&mut page, collected);
    page + "</html>\n"
}

fn summary(page: &mut String, options: &Options, collected: &Collected) {
    let arrival = match options.arrival {
        Arrival::Open(rate) => format!("{rate} a second at random moments"),
        Arrival::Closed(fans) => format!("{fans} at any time"),
    };
    let end = collected.end;
    let _ = write!(
        page,
        "<p>{} fans came, {arrival}, for {} seats, with {} inside at once. {} seats were paid. The last fan was done after \
         {} s. {} requests, {} of which failed (5xx or no answer).</p>",
        end.came,
        options.seats,
        options.capacity,
        end.sold,
        collected.seconds.len(),
        end.answers,
        end.failures
    );
}

fn checks(page: &mut String, verdicts: &[Verdict]) {
    page.push_str("<h2>Checked from outside</h2><ul>");
    for Verdict { invariant, seen } in verdicts {
        let (mark, text) = match seen {
            Ok(text) => ("holds", text),
            Err(text) => ("<strong>VIOLATED</strong>", text),
        };
        let _ = write!(page, "<li>{invariant}: {mark} ({})</li>", escaped(text));
    }
    page.push_str("</ul>");
}

fn chart(page: &mut String, title: &str, lines: &[Line<'_>], seconds: &[Second]) {
    let values = lines.iter().flat_map(|(_, _, of)| seconds.iter().map(of));
    let top = values.fold(1.0_f64, f64::max);
    let x = |i: usize| LEFT + i as f64 * (WIDTH - LEFT - RIGHT) / (seconds.len().max(2) - 1) as f64;
    let y = |value: f64| TOP + (HEIGHT - TOP - BOTTOM) * (1.0 - value / top);
    let _ = write!(page, "<h2>{title}</h2><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    for value in [0.0, top / 2.0, top] {
        let (height, end) = (y(value), WIDTH - RIGHT);
        let _ = write!(
            page,
            "<line x1=\"{LEFT}\" x2=\"{end}\" y1=\"{height:.1}\" y2=\"{height:.1}\" stroke=\"var(--line)\"/>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{value:.0}</text>",
            LEFT - 6.0,
            height + 4.0
        );
    }
    let step = (seconds.len() / 10).max(1);
    for i in (0..seconds.len()).step_by(step) {
        let anchor = if i + step < seconds.len() { "middle" } else { "end" };
        let _ = write!(page, "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{i} s</text>", x(i), HEIGHT - 4.0);
    }
    for (_, colour, of) in lines {
        let points: Vec<String> =
            seconds.iter().enumerate().map(|(i, second)| format!("{:.1},{:.1}", x(i), y(of(second)))).collect();
        let points = points.join(" ");
        let _ =
            write!(page, "<polyline points=\"{points}\" fill=\"none\" stroke=\"var({colour})\" stroke-width=\"1.5\"/>");
    }
    page.push_str("</svg><p class=\"legend\">");
    for (name, colour, _) in lines {
        let _ = write!(page, "<b style=\"color: var({colour})\">&#9679;</b> {name} &nbsp; ");
    }
    page.push_str("</p>");
}

fn latencies(page: &mut String, collected: &Collected) {
    page.push_str(
        "<h2>Milliseconds to the answer</h2><p class=\"legend\">From the moment when the fan meant to send the request.</p>\
         <table><tr><th>request<th>answers<th>half<th>95 %<th>99 %<th>99.9 %<th>slowest</tr>",
    );
    for kind in Kind::ALL {
        let Some(histogram) = collected.latencies.get(&kind) else { continue };
        let of = |quantile: f64| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        let slowest = histogram.max() as f64 / 1_000.0;
        let _ = write!(
            page,
            "<tr><td>{}<td>{}<td>{:.1}<td>{:.1}<td>{:.1}<td>{:.1}<td>{slowest:.1}</tr>",
            kind.name(),
            histogram.len(),
            of(0.5),
            of(0.95),
            of(0.99),
            of(0.999)
        );
    }
    page.push_str("</table>");
}

fn outcomes(page: &mut String, collected: &Collected) {
    page.push_str("<h2>Answers</h2><table><tr><th>request<th>answer<th>how often</tr>");
    for ((kind, outcome), count) in &collected.outcomes {
        let _ = write!(page, "<tr><td>{}<td>{}<td>{count}</tr>", kind.name(), escaped(outcome));
    }
    page.push_str("</table>");
}

/// The text for HTML: codes and ids come from the deployment.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Record;

    #[test]
    fn a_page_has_every_part_and_escapes_what_it_was_told() {
        let record = Record::new();
        record.change(|now| now.came = 3);
        record.answered(Kind::Join, std::time::Instant::now(), &Err(client::Failure::Broken("cut".to_owned())));
        record.end_second();
        let verdict = Verdict { invariant: "order", seen: Err("<script>".to_owned()) };
        let options = Options {
            url: "http://localhost".parse().expect("a URL"),
            admin: "mina".to_owned(),
            fans: 3,
            arrival: Arrival::Open(1.0),
            seats: 5,
            capacity: 2,
            give_up: 0.0,
            report: "report.html".into(),
        };
        let page = page(&options, &record.collected(), &[verdict]);
        assert!(page.contains("VIOLATED") && page.contains("&lt;script&gt;") && !page.contains("<script>"));
        assert_eq!(page.matches("<svg").count(), 3);
        assert!(page.contains("no answer") && page.contains("1 of which failed"));
    }
}
