//! Small sales with expected figures.

use stampede::{Figures, Options, Sale, figures, run};

/// 2,000 joins a second, twice that at first.
fn small() -> Options {
    Options { fans: 20_000, seconds: 10, seats: 1_000, capacity: 200, ..Options::default() }
}

fn sold(options: Options) -> (Figures, Sale) {
    let sale = run(options);
    let figures = figures(&sale);
    assert_eq!((figures.unplaced, figures.overtakings), (0, 0), "everybody has a place, in order");
    assert!(figures.contiguous);
    assert_eq!(sale.active, 0, "everybody is done");
    assert_eq!(sale.seats, (0, sale.options.seats), "each seat is sold once");
    assert!(sale.promoter.most <= sale.options.capacity);
    (figures, sale)
}

#[test]
fn a_wide_queue_gives_places_within_two_seconds() {
    let (figures, sale) = sold(small());
    assert!(figures.to_answer[1] < 0.2 && figures.to_place[1] < 2.5, "{figures:?}");
    assert!(figures.most_joins > 3_000, "{figures:?}");
    assert_eq!((sale.lanes.widest, sale.joins.throttled, sale.retries), (16, 0, 0));
    assert_eq!(sale.used[1].0, 60_000.0, "a join writes three units");
    assert!(
        figures.displaced[2] < 1_000.0,
        "within an interval, nobody is far from the order of the draws: {figures:?}"
    );
}

#[test]
fn a_single_counter_gives_a_thousand_places_a_second() {
    let (figures, sale) = sold(Options { single_counter: true, ..small() });
    let most = sale.seconds.iter().skip(12).map(|second| second.joins).max();
    assert!(most <= Some(1_001), "{most:?}");
    assert!(figures.to_answer[2] > 10.0 && sale.retries > 10_000, "{figures:?}");
    assert_eq!(figures.displaced[2], 0.0, "strictly in order");
}

#[test]
fn nobody_is_refused_for_good_by_a_small_gateway_and_cold_tables() {
    let options = Options { gateway: 1_500.0, burst: 500.0, warm: Some(1), forecast: false, ..small() };
    let (figures, sale) = sold(options);
    assert!(sale.front.refused.0 > 10_000 && figures.most_joins <= 2_000, "{figures:?}");
}

#[test]
fn a_rate_admits_no_more_than_it_says() {
    let (_, sale) = sold(Options { admit_per_minute: Some(600), seats: 300, ..small() });
    // The run begins ten seconds before the queue opens.
    let after = |seconds: usize| sale.seconds[9 + seconds].occupied;
    assert!(after(1) <= 10 && after(10) <= 100, "{} {}", after(1), after(10));
    assert_eq!(sale.promoter.most, 200, "in the end all slots are taken");
}

#[test]
fn before_the_opening_few_polls_come_and_after_it_they_are_spread() {
    let (figures, sale) = sold(Options { opens_after: 120, ..small() });
    let (before, after) = figures.polls_around_opening;
    assert!(before < 1_500 && after < 5_500, "{figures:?}");
    assert!(sale.seconds[100].occupied == 0, "nobody is admitted before");
}
