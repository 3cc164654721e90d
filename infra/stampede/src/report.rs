//! What a run found, and how it is printed.

use crate::{
    MILLI, Micros, Options, SECOND, bill,
    fan::Doing,
    sale::{BEGINS, Kind, Sale},
};

/// The figures of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Figures {
    /// Fans with a place.
    pub placed: usize,
    /// Fans who never got one.
    pub unplaced: usize,
    /// The most joins in a second.
    pub most_joins: u32,
    /// The most polls in a second.
    pub most_polls: u32,
    /// The most polls in a second from half a minute after the last fan came to the opening, and in the five minutes after it.
    pub polls_around_opening: (u32, u32),
    /// Seconds from a fan's coming to the 201: the middle, the 99th percentile, the most.
    pub to_answer: [f64; 3],
    /// Seconds from the 201 to the final place: the same.
    pub to_place: [f64; 3],
    /// Pairs of a cut and fans on both sides of it who overtook each other.
    pub overtakings: usize,
    /// How many places a fan is away from the order of the draws: the same.
    pub displaced: [f64; 3],
    /// Milliseconds from the first to the last cut of an interval: the same.
    pub spread: [f64; 3],
    /// Whether places are 1, 2, 3 and so on, but for holes.
    pub contiguous: bool,
    /// When the seats were gone, in seconds from the first fan.
    pub sold_out: Option<f64>,
}

/// The middle, the 99th percentile and the most.
fn percentiles(mut values: Vec<u64>, unit: Micros) -> [f64; 3] {
    values.sort_unstable();
    let at =
        |share: f64| values.get((values.len() as f64 * share) as usize).or(values.last()).copied().unwrap_or_default();
    [0.5, 0.99, 1.0].map(|share| at(share) as f64 / unit as f64)
}

/// Counts the cuts that a fan was carried across in the wrong order.
fn overtakings(sale: &Sale, by_draw: &[(Micros, u64)]) -> usize {
    let mut least_after = vec![u64::MAX; by_draw.len() + 1];
    let mut most_before = vec![0; by_draw.len() + 1];
    for (at, (_, place)) in by_draw.iter().enumerate() {
        most_before[at + 1] = most_before[at].max(*place);
    }
    for (at, (_, place)) in by_draw.iter().enumerate().rev() {
        least_after[at] = least_after[at + 1].min(*place);
    }
    let wrong = |cut: &&crate::line::Cut| {
        let before = by_draw.partition_point(|(drawn, _)| *drawn < cut.first);
        let after = by_draw.partition_point(|(drawn, _)| *drawn <= cut.last);
        most_before[before] > least_after[after]
    };
    sale.lanes.cuts.iter().filter(wrong).count()
}

fn polls_around_opening(sale: &Sale) -> (u32, u32) {
    let begins = (BEGINS / SECOND) as usize;
    let came = begins + sale.options.seconds as usize + 30;
    let opens = begins + sale.options.opens_after as usize;
    let most = |from: usize, to: usize| {
        let seconds = sale.seconds.get(from..to.min(sale.seconds.len())).unwrap_or_default();
        seconds.iter().map(|second| second.polls).max().unwrap_or_default()
    };
    (most(came, opens), most(opens.max(came), opens.max(came) + 300))
}

/// Works the figures of a run out.
pub fn figures(sale: &Sale) -> Figures {
    let drawn = || sale.fans.iter().filter(|fan| fan.answered > 0);
    let place = |ticket| sale.lanes.place(ticket);
    let mut by_draw: Vec<(Micros, u64)> = drawn()
        .filter_map(|fan| {
            let known = Some(fan.place).filter(|place| place.get() > 0).or_else(|| place(&fan.ticket));
            Some((fan.drawn, known?.get()))
        })
        .collect();
    by_draw.sort_unstable();
    let mut places: Vec<u64> = by_draw.iter().map(|(_, place)| *place).collect();
    places.sort_unstable();
    let twice = places.windows(2).any(|pair| pair[0] == pair[1]);
    let highest = places.last().copied().unwrap_or_default();
    let displaced = by_draw.iter().enumerate().map(|(at, (_, place))| place.abs_diff(places[at])).collect();
    Figures {
        placed: by_draw.len(),
        unplaced: sale.fans.len() - by_draw.len(),
        most_joins: sale.seconds.iter().map(|second| second.joins).max().unwrap_or_default(),
        most_polls: sale.seconds.iter().map(|second| second.polls).max().unwrap_or_default(),
        polls_around_opening: polls_around_opening(sale),
        to_answer: percentiles(drawn().map(|fan| fan.answered - fan.came).collect(), SECOND),
        to_place: percentiles(
            drawn().filter(|fan| fan.placed > 0).map(|fan| fan.placed - fan.answered).collect(),
            SECOND,
        ),
        overtakings: overtakings(sale, &by_draw),
        displaced: percentiles(displaced, 1),
        spread: percentiles(sale.lanes.cuts.iter().map(|cut| cut.last - cut.first).collect(), MILLI),
        contiguous: !twice && highest == places.len() as u64 + sale.holes,
        sold_out: sale.sold_out.map(|at| at.saturating_sub(BEGINS) as f64 / SECOND as f64),
    }
}

/// Prints a run.
#[expect(clippy::print_stdout, reason = "the answer to the command")]
pub fn print(options: &Options, figures: &Figures, sale: &Sale) {
    let three = |of: [f64; 3]| format!("p50 {:.2}, p99 {:.2}, max {:.2}", of[0], of[1], of[2]);
    let until = sale.seconds.iter().rposition(|second| second.joins > 0).unwrap_or_default() as f64;
    let done = sale.fans.iter().filter(|fan| fan.doing == Doing::Done).count();
    println!(
        "fans                 {} within {} s, {} seats, capacity {}",
        options.fans, options.seconds, options.seats, options.capacity
    );
    println!(
        "places               {} given, {} fans without; {} holes; contiguous: {}",
        figures.placed, figures.unplaced, sale.holes, figures.contiguous
    );
    println!(
        "joins a second       {} at most; the last one after {:.0} s",
        figures.most_joins,
        until - BEGINS as f64 / SECOND as f64
    );
    println!(
        "refused              {} by the gateway, {} by Lambda, {} tries again in all",
        sale.front.refused.0, sale.front.refused.1, sale.retries
    );
    println!("time to 201, s       {}", three(figures.to_answer));
    println!("201 to final, s      {}", three(figures.to_place));
    println!("line                 {} shards at most, {} records", sale.lanes.widest, sale.lanes.records.len());
    println!("spread of a cut, ms  {}", three(figures.spread));
    println!(
        "overtakings          {} across a cut; within an interval, places: {}",
        figures.overtakings,
        three(figures.displaced)
    );
    println!("occupied             {} at most of {}", sale.promoter.most, options.capacity);
    println!(
        "seats sold           {} of {}; gone after {}",
        sale.seats.1,
        options.seats,
        figures.sold_out.map_or("-".to_owned(), |at| format!("{at:.0} s"))
    );
    println!("fans done            {done}; {} came too late to claim", sale.late);
    let (before, after) = figures.polls_around_opening;
    println!(
        "polls a second       {} at most; {before} while all wait for the opening, {after} after it",
        figures.most_polls
    );
    println!("environments         {} at most, {} cold starts", sale.front.most, sale.front.started);
    for table in [&sale.joins, &sale.queues, &sale.limits, &sale.accounts, &sale.concerts] {
        println!("table {:14} {} partitions, {} throttled", table.name, table.partitions(), table.throttled);
    }
    for (kind, name) in Kind::ALL {
        let (writes, reads) = sale.used[kind as usize];
        println!("units {name:18} {writes:>12.0} written {reads:>12.0} read");
    }
    println!("requests             {:?} (login, join, poll, buy)", sale.front.requests);
    let bill = bill::lines(sale);
    for (what, usd) in &bill {
        println!("{what:28} {usd:>9.2} USD");
    }
    println!("{:28} {:>9.2} USD", "in all", bill.iter().map(|(_, usd)| usd).sum::<f64>());
}
