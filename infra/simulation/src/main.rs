//! `cargo simulate [FIRST [LAST]]`: runs seeds; one alone with its story.

#![expect(clippy::print_stdout, reason = "what it prints is what it is there for")]

use simulation::{log::Keep, plan::Cuts, run::run};
use std::{error::Error, process::ExitCode, sync::Arc};
use template::Template;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let template = Arc::new(Template::load(&template::locate()?)?);
    let seeds: Vec<u64> = std::env::args().skip(1).map(|seed| seed.parse()).collect::<Result<_, _>>()?;
    let (first, last) = (seeds.first().copied().unwrap_or(1), seeds.last().copied().unwrap_or(20));
    let keep = if seeds.len() == 1 { Keep::Story } else { Keep::Hash };
    let mut failed = false;
    for seed in first..=last {
        let report = run(seed, &Cuts::default(), &template, keep);
        report.story.iter().for_each(|line| println!("{line}"));
        println!(
            "seed {seed}: {} calls, {} requests, {} purchases, {} refunds, {} checks, {} s, trace {}",
            report.calls,
            report.requests,
            report.purchases,
            report.refunds,
            report.checks,
            report.simulated_ms / 1_000,
            report.hash,
        );
        report.violations.iter().for_each(|violation| println!("  {violation}"));
        failed |= !report.violations.is_empty();
    }
    Ok(ExitCode::from(u8::from(failed)))
}
