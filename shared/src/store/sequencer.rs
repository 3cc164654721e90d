//! The sequencer: one run for a queue. It does whatever the counters call for, and may be repeated, doubled or cut off at any
//! point: the next run goes on from what is stored.

use super::{Failure, Store, StoreError, alarms::AlarmId, contention, keys, lines::Places, numbers::JoinCounter};
use crate::domain::{
    id::QueueId,
    line::{Expected, Interval, Line, Step, Traffic, expected_at, next_step, wished_width},
    queue::QueueState,
    time::{Seconds, Timestamp},
};
use futures_util::try_join;

/// Attempts of a run; it starts over if another sequencer wrote first.
const ATTEMPTS: u32 = 4;
/// Steps of one run: to finish an interval, cut the next one, seal it and make the queue calm takes six.
const MAX_STEPS: u32 = 12;
/// How old the newest interval must be before the next one ends, in milliseconds.
const MIN_INTERVAL_MILLIS: i64 = 800;
/// How far ahead the alarm of a queue that is not calm is.
const ALARM_AHEAD: Seconds = Seconds(60);

/// What a run of the sequencer did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sequenced {
    /// Fans whose place became known.
    pub ranked: u64,
    /// How many shards the queue has.
    pub width: u16,
    /// Whether the queue needs a run each second until the alarm that this run put.
    pub regular: bool,
    /// Whether fans may be admitted now.
    pub admits: bool,
}

/// A run under way.
struct Run<'a> {
    queue: &'a QueueId,
    state: &'a QueueState,
    asked: u64,
    counter: JoinCounter,
    places: Places,
    done: Sequenced,
    /// Whether `places` must be written.
    changed: bool,
}

/// How a step of a run ended.
enum Next {
    Continue,
    Rest,
    /// Another sequencer did the step first.
    Overtaken,
}

impl Store {
    /// Cuts and seals what is due in a queue, and deletes the alarms that asked for it. `asked` are the joins a second that a
    /// join met.
    ///
    /// # Errors
    /// If the database fails, or another sequencer was faster each time. Then the alarms stay.
    pub async fn sequence(&self, queue: &QueueId, asked: u64, alarms: &[AlarmId]) -> Result<Sequenced, Failure> {
        for attempt in 0..ATTEMPTS {
            if let Some(done) = self.sequence_once(queue, asked, alarms).await? {
                // Only after everything was written: if a write fails, the alarms bring the next run.
                self.delete_alarms(queue, alarms).await?;
                return Ok(done);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("sequence").into())
    }

    /// Makes one attempt; returns `None` if another sequencer was faster.
    async fn sequence_once(
        &self,
        queue: &QueueId,
        asked: u64,
        alarms: &[AlarmId],
    ) -> Result<Option<Sequenced>, StoreError> {
        let key = keys::queue_state(queue);
        let (state, counter, line) =
            try_join!(self.get::<QueueState>(&key, true), self.join_counter(queue), self.line_now(queue))?;
        let Some(state) = state.filter(|state| !state.deleted) else { return Ok(Some(Sequenced::default())) };
        let done = Sequenced { admits: state.settings.admits(self.now()), ..Sequenced::default() };
        let mut run = Run { queue, state: &state, asked, counter, places: line.places, done, changed: false };
        // Before anything else: a run that is cut off must not be the last one.
        self.keep_running(&mut run, alarms).await?;
        for _ in 0..MAX_STEPS {
            match self.step(&mut run).await? {
                Next::Continue => {}
                Next::Overtaken => return Ok(None),
                Next::Rest => {
                    let written = !run.changed || self.write_places(&mut run).await?;
                    return Ok(written.then_some(Sequenced { width: run.places.width, ..run.done }));
                }
            }
        }
        Ok(None)
    }

    /// Puts the next alarm of a queue that is not calm, or must be widened later.
    async fn keep_running(&self, run: &mut Run<'_>, alarms: &[AlarmId]) -> Result<(), StoreError> {
        let now = self.now();
        let calm = run.places.line.calm && run.counter.shard.is_calm();
        let settings = &run.state.settings;
        let later = settings.expected_joins.map(|expected| expected.from(settings.opens_at)).filter(|from| now < *from);
        let due = match later {
            _ if !calm || run.wish(now) > 1 => now + ALARM_AHEAD,
            Some(from) => from,
            None => return Ok(()),
        };
        let handled = alarms.iter().any(|alarm| alarm.due == run.places.alarm);
        if now < run.places.alarm && run.places.alarm <= due && !handled {
            return Ok(());
        }
        self.put_sequencer_alarm(run.queue, due, 0).await?;
        (run.places.alarm, run.changed) = (due, true);
        run.done.regular = due == now + ALARM_AHEAD;
        Ok(())
    }

    /// Does the next step of a queue.
    async fn step(&self, run: &mut Run<'_>) -> Result<Next, StoreError> {
        let now = self.now();
        if run.is_wide_and_whole() && now.millis() - run.places.sealed_at.millis() < MIN_INTERVAL_MILLIS {
            return Ok(Next::Rest);
        }
        let drawn = self.has_drawn(run, now).await?;
        match next_step(&run.counter.shard, &run.places.line, run.wish(now), drawn) {
            Step::Rest => Ok(Next::Rest),
            Step::Cut { interval, width } => {
                let Some(counter) = self.cut_first(run.queue, interval, width).await? else {
                    return Ok(Next::Overtaken);
                };
                run.counter = counter;
                Ok(Next::Continue)
            }
            Step::Seal(sealing) => {
                // Joins of a wide queue do not see that it sleeps.
                self.wake(run.queue, &run.counter, true).await?;
                let sealed = self.seal(run.queue, &run.counter.shard, run.places.line.end, &sealing).await?;
                self.move_on(run, sealed).await
            }
            Step::Follow(interval) => {
                let sealed = self.known_interval(run.queue, interval).await?;
                self.move_on(run, sealed).await
            }
            Step::Calm { interval, offset } => {
                if !self.set_offset(run.queue, interval, offset).await? {
                    return Ok(Next::Overtaken);
                }
                self.settle(run, interval).await
            }
        }
    }

    /// Whether fans joined in the open interval of a wide queue. While fans join steadily it is taken for granted. Otherwise
    /// looks at every shard, and notes since when the queue is slow.
    async fn has_drawn(&self, run: &mut Run<'_>, now: Timestamp) -> Result<bool, StoreError> {
        if !run.is_wide_and_whole() {
            return Ok(false);
        }
        let shard = &run.counter.shard;
        if run.places.traffic.per_second > 0 || shard.number() > 0 {
            return Ok(true);
        }
        let width = run.width();
        if self.drawn_in_others(run.queue, shard.interval, width).await? > 0 {
            return Ok(true);
        }
        let age = now.millis() - run.places.sealed_at.millis();
        let traffic = run.places.traffic.after(0, age, width, run.expected(now), now);
        run.changed |= traffic.slow_since != run.places.traffic.slow_since;
        run.places.traffic = traffic;
        Ok(false)
    }

    /// Says that the places of a sealed interval are known.
    async fn move_on(&self, run: &mut Run<'_>, sealed: Interval) -> Result<Next, StoreError> {
        let shards = sealed.counts.as_slice().len();
        self.bury_voids(run.queue, sealed.interval, shards, |ticket| sealed.place(ticket)).await?;
        let (drawn, now) = (sealed.counts.sum(), self.now());
        let age = sealed.sealed_at.millis() - run.places.sealed_at.millis();
        let width = run.width();
        let known = if run.places.line.calm { 0 } else { drawn };
        run.places = Places {
            line: run.places.line.after(&sealed),
            width,
            joined: 0,
            traffic: run.places.traffic.after(drawn, age, width, run.expected(now), now),
            sealed_at: sealed.sealed_at,
            ..run.places
        };
        run.done.ranked += known;
        if self.write_places(run).await? { Ok(Next::Continue) } else { Ok(Next::Overtaken) }
    }

    /// Says that the places of an interval are known at the join.
    async fn settle(&self, run: &mut Run<'_>, interval: u64) -> Result<Next, StoreError> {
        let line = Line { calm: true, ..run.places.line };
        self.bury_voids(run.queue, interval, 1, |ticket| line.calm_place(ticket)).await?;
        run.places = Places { line, traffic: Traffic::default(), ..run.places };
        run.done.ranked += run.counter.shard.number();
        if !self.write_places(run).await? {
            return Ok(Next::Overtaken);
        }
        run.counter = self.join_counter(run.queue).await?;
        Ok(Next::Continue)
    }

    async fn write_places(&self, run: &mut Run<'_>) -> Result<bool, StoreError> {
        let written = self.put_places(run.queue, &run.places).await?;
        run.places.version += 1;
        run.changed = false;
        Ok(written)
    }
}

impl Run<'_> {
    /// The number of shards.
    fn width(&self) -> u16 {
        self.counter.shard.lead.map_or(1, |lead| lead.width)
    }

    /// Whether the queue is wide, and no interval of it waits to be sealed.
    fn is_wide_and_whole(&self) -> bool {
        self.width() > 1 && self.counter.shard.interval == self.places.line.open
    }

    /// The joins a second that the operator expects now.
    fn expected(&self, now: Timestamp) -> Option<u32> {
        let settings = &self.state.settings;
        expected_at(settings.expected_joins, settings.opens_at, now)
    }

    /// The width that the next interval should have.
    fn wish(&self, now: Timestamp) -> u16 {
        wished_width(self.width(), self.places.traffic, self.asked, self.expected(now), now)
    }
}

impl Store {
    /// Puts the alarm that widens a queue in time for the joins that its operator expects.
    pub(super) async fn plan_widening(
        &self,
        queue: &QueueId,
        expected: Expected,
        opens_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.put_sequencer_alarm(queue, expected.from(opens_at).max(self.now()), 0).await
    }
}
