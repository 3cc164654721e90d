//! The sale as a picture: one curve a figure, each to its own scale.

use crate::sale::{Sale, Second};
use std::fmt::Write;

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 110.0;

type Value = fn(&Second) -> f64;

/// Draws a run as SVG.
pub fn draw(sale: &Sale) -> String {
    let curves: [(&str, Value); 6] = [
        ("joins a second", |second| second.joins.into()),
        ("polls a second", |second| second.polls.into()),
        ("refused a second", |second| second.refused.into()),
        ("waiting", |second| second.waiting as f64),
        ("slots taken", |second| second.occupied as f64),
        ("seats sold", |second| second.sold.into()),
    ];
    let height = HEIGHT * curves.len() as f64;
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="11">"#
    );
    // The last second is not over.
    let seconds = &sale.seconds[..sale.seconds.len().saturating_sub(1).max(1)];
    for (row, (name, value)) in curves.into_iter().enumerate() {
        let most = seconds.iter().map(value).fold(1.0, f64::max);
        let bottom = HEIGHT * (row + 1) as f64 - 5.0;
        let points = seconds.iter().enumerate().map(|(at, second)| {
            let x = at as f64 / seconds.len() as f64 * WIDTH;
            format!("{x:.1},{:.1}", bottom - value(second) / most * (HEIGHT - 25.0))
        });
        let points = points.collect::<Vec<_>>().join(" ");
        // Writing to a string does not fail.
        let _ = write!(svg, r##"<polyline fill="none" stroke="#36c" points="{points}"/>"##);
        let _ = write!(svg, r#"<text x="4" y="{:.1}">{name}, at most {most:.0}</text>"#, bottom - HEIGHT + 15.0);
    }
    svg + "</svg>\n"
}
