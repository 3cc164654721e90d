//! One tick of a queue: a survey of the places inside, a look at those ahead, and one conditional write. A tick is
//! bounded in time and items, and saves its progress. Duplicate, late and concurrent ticks do no harm.

use super::{
    Failure, Store, StoreError,
    alarms::AlarmId,
    contention, keys,
    numbers::JoinCounter,
    request::{self, WriteFailure, n},
    survey::{Budget, Sightings},
};
use crate::domain::{
    id::QueueId,
    line::Line,
    promotion::{self, Commit, Observed},
    queue::{QueueRules, QueueState},
    survey::Pass,
    ticket::Place,
    time::{Seconds, Timestamp},
    wake::{self, Wake},
};
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use futures_util::try_join;

/// Attempts at a tick; it starts over if a concurrent tick wrote first.
const ATTEMPTS: u32 = 3;
/// Attempts at the whole write of a tick, planned again if a walk-in or a changed setting came first. One that writes
/// only the progress follows.
const COMMIT_ATTEMPTS: u32 = 3;

/// What a tick did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ticked {
    /// Fans that it admitted.
    pub admitted: u64,
    /// Dead places that it passed.
    pub passed: u64,
    /// Fans who wait behind the places that were admitted.
    pub waiting: u64,
    /// Sessions and admitted places.
    pub inside: u64,
    /// Whether its survey is unfinished, so that the next tick should come at once.
    pub unfinished: bool,
    /// Whether the caller must send the regular ticks of the next minute: fans wait, the queue admits, and this tick noted
    /// them as sent.
    pub regular: bool,
    /// Whether the queue admits by the minute. Its ticks come each second then, so that few fans come in at once.
    pub by_rate: bool,
}

/// What a tick reads first.
struct Read {
    state: QueueState,
    counter: JoinCounter,
    line: Line,
    sightings: Sightings,
}

impl Store {
    /// Ticks a queue, and deletes the alarms that asked for the tick.
    ///
    /// # Errors
    /// If the database fails, or a concurrent tick wrote first each time. Then the alarms stay.
    pub async fn tick(&self, queue: &QueueId, alarms: &[AlarmId]) -> Result<Ticked, Failure> {
        for attempt in 0..ATTEMPTS {
            let Some(read) = self.read_queue(queue).await? else {
                self.delete_alarms(queue, alarms).await?;
                return Ok(Ticked::default());
            };
            if let Some(ticked) = self.tick_once(read, alarms).await? {
                // Only after the write was accepted: if it fails, the alarms bring the next tick.
                self.delete_alarms(queue, alarms).await?;
                return Ok(ticked);
            }
            self.context.back_off(attempt).await;
        }
        Err(contention("tick").into())
    }

    /// Reads state, counter and the first stretch of sessions, in parallel; `None` for a queue that does not exist. A
    /// cached state, however old, says where the stretch begins; if the survey needs others, it reads them later.
    async fn read_queue(&self, queue: &QueueId) -> Result<Option<Read>, StoreError> {
        let key = keys::queue_state(queue);
        let known = self.states.get(queue, self.now(), i64::MAX).map(|state| first_place(&state));
        let state = self.get::<QueueState>(&key, true);
        let (state, counter, sightings) = match known {
            Some(from) => try_join!(state, self.join_counter(queue), Sightings::read(self, queue, from))?,
            None => {
                let (state, counter) = try_join!(state, self.join_counter(queue))?;
                let Some(from) = state.as_ref().map(first_place) else { return Ok(None) };
                (state, counter, Sightings::read(self, queue, from).await?)
            }
        };
        let line = self.line_of(queue, &counter.shard).await?;
        Ok(state.filter(|state| !state.deleted).map(|state| Read { state, counter, line, sightings }))
    }

    /// Makes one attempt; returns `None` if a concurrent tick wrote first.
    async fn tick_once(&self, read: Read, alarms: &[AlarmId]) -> Result<Option<Ticked>, StoreError> {
        let Read { state, counter, line, mut sightings } = read;
        // Not before the times that were written already, even if this function's clock is slow.
        let now = self.now().max(state.at).max(counter.drawn_at);
        // Only places that are known are admitted or passed. Counter and line were read one after the other: they may know
        // less together than an earlier tick did.
        let last_place = line.last_place(&counter.shard).max(state.last_seen).max(state.served);
        let calm = line.gives_places(&counter.shard);
        let rules = state.settings.rules(self.rules.queue);
        let mut budget = Budget::new();
        let mut pass = state.pass.unwrap_or_else(|| Pass::begin(&state, now));
        let survey = self.survey(&state, &mut pass, &mut sightings, &mut budget, now);
        let ((), sampled) = try_join!(survey, self.sample(&state, last_place, now))?;
        let freed = pass.freed(&state);
        let ahead = self.look_ahead(&state, freed, last_place, &mut sightings, &mut budget, now).await?;
        let seen = Observed { pass, freed, last_place, sampled };
        let planned = promotion::advance(&state, freed, &ahead, last_place, rules, now);
        let occupied = state.occupied.saturating_sub(freed) + planned.admitted;
        let wake = wake::after_tick(&state, &pass, planned.served, occupied, (last_place, calm), now);
        let (wake, next_alarm) = self.prepare_wake(&state, &counter, wake, alarms).await?;
        let admits = wake.is_urgent() && state.settings.admits(now);
        let by_rate = state.settings.admit_per_minute.is_some();
        let every = if by_rate { Seconds(1) } else { self.rules.tick };
        let regular = admits && wake::needs_ticks(state.ticks_until, every, now);
        let ticks_until = if regular { now + wake::TICKS_SENT } else { state.ticks_until };
        let plan = |state: &QueueState| {
            let rules = state.settings.rules(self.rules.queue);
            let advance = promotion::advance(state, freed, &ahead, last_place, rules, now);
            Commit { next_alarm, ticks_until, ..promotion::commit(state, &seen, advance, rules, now) }
        };
        let Some(done) = self.write_tick(&state, plan, now).await? else { return Ok(None) };
        Ok(Some(Ticked {
            admitted: done.admitted,
            passed: done.passed,
            waiting: last_place.behind(done.served),
            inside: state.occupied.saturating_sub(freed) + done.admitted,
            unfinished: !pass.is_done(),
            by_rate,
            regular,
        }))
    }

    /// Puts the next alarm unless one exists, or puts the queue to sleep. Called before the tick's write, so that a
    /// crash in between leaves no queue without an alarm. Returns the resulting wake, with the time of the alarm.
    async fn prepare_wake(
        &self,
        state: &QueueState,
        counter: &JoinCounter,
        wake: Wake,
        alarms: &[AlarmId],
    ) -> Result<(Wake, Timestamp), StoreError> {
        let queue = &state.queue_id;
        let wake = match wake {
            Wake::Sleep(_) if !self.sleep(queue, counter).await? => Wake::SecondLook(wake::second_look(self.now())),
            wake => wake,
        };
        let Some(due) = wake.due() else { return Ok((wake, Timestamp::DISTANT_PAST)) };
        let handled = alarms.iter().any(|alarm| alarm.due == state.next_alarm);
        // Only the alarm that the state names brings the next one. If each alarm did, they would multiply: many joins may
        // wake a queue at once, and a tick may come just before its alarm.
        let there = self.now() < state.next_alarm && state.next_alarm <= due && !handled;
        let kept = there.then_some(state.next_alarm);
        if kept.is_none() {
            self.put_alarm(queue, due, wake.is_urgent()).await?;
        }
        if !matches!(wake, Wake::Sleep(_)) && counter.sleeps() {
            self.mark_woken(queue, counter).await?;
        }
        Ok((wake, kept.unwrap_or(due)))
    }

    /// Writes a tick; returns `None` if a concurrent tick wrote first. If a walk-in or a changed setting came first,
    /// plans the write again from the new state. If that happens each time, writes only the survey's freed slots and
    /// progress, and admits nobody.
    async fn write_tick(
        &self,
        read: &QueueState,
        plan: impl Fn(&QueueState) -> Commit,
        now: Timestamp,
    ) -> Result<Option<promotion::Advance>, StoreError> {
        let mut state = read.clone();
        for attempt in 0..=COMMIT_ATTEMPTS {
            let whole = attempt < COMMIT_ATTEMPTS;
            let commit = if whole { plan(&state) } else { plan(&state).without_admitting(&state) };
            if commit.is_idle(&state) {
                return Ok(Some(commit.advance));
            }
            let update =
                if whole { self.whole_update(&state, &commit)? } else { self.progress_update(&state, &commit)? };
            match self.send_update(update.return_values(aws_sdk_dynamodb::types::ReturnValue::AllNew)).await {
                Ok(output) => {
                    let written = request::parse(output.attributes.unwrap_or_default())?;
                    self.states.put(state.queue_id, written, now);
                    return Ok(Some(commit.advance));
                }
                Err(WriteFailure::Condition(Some(item))) => {
                    let found: QueueState = request::parse(item)?;
                    if found.tick != state.tick {
                        return Ok(None);
                    }
                    state = found;
                }
                Err(WriteFailure::Condition(None)) => return Ok(None),
                Err(WriteFailure::Store(error)) => return Err(error),
            }
        }
        Ok(None)
    }

    /// The whole write of a tick, if no other tick, changed setting or walk-in came in between (invariants 4 and 5: a
    /// slot is freed once, given once, and only to the next place).
    fn whole_update(&self, state: &QueueState, commit: &Commit) -> Result<UpdateItemFluentBuilder, StoreError> {
        let set = "SET served = :served, admitted = admitted + :admitted, #capacity = :capacity, #buckets = :buckets, \
                   marks = :marks, pace = :pace, unclaimed = :unclaimed, longestWaiting = :longest";
        // `served` stands in the condition, and no admission leaves it as it is: so no other admission was paid meanwhile.
        let set = if commit.paid == state.paid { set.to_owned() } else { format!("{set}, paid = :paid") };
        let condition = "tick = :tick AND settingsVersion = :settings AND served = :seen";
        let gained = gained(commit, state);
        // A tick that admits nobody has no condition on `free`: a `free` below 0 must not stop the passing of dead
        // places.
        let condition = match commit.advance.admitted {
            0 => condition.to_owned(),
            _ => format!("{condition} AND #free >= :least"),
        };
        let update = self
            .progress(state, commit, &set, gained)?
            .condition_expression(condition)
            .expression_attribute_names("#capacity", "capacity")
            .expression_attribute_names("#buckets", "buckets")
            .expression_attribute_values(":served", n(commit.advance.served.get()))
            .expression_attribute_values(":admitted", n(commit.advance.admitted))
            .expression_attribute_values(":capacity", n(commit.capacity))
            .expression_attribute_values(":buckets", request::value(&commit.buckets)?)
            .expression_attribute_values(":marks", request::value(&commit.marks)?)
            .expression_attribute_values(":pace", request::value(&commit.pace)?)
            .expression_attribute_values(":unclaimed", n(commit.unclaimed))
            .expression_attribute_values(":longest", request::value(&commit.longest_waiting)?)
            .expression_attribute_values(":settings", n(state.settings_version))
            .expression_attribute_values(":seen", n(state.served.get()));
        let update = match commit.paid == state.paid {
            true => update,
            false => update.expression_attribute_values(":paid", n(commit.paid.micros())),
        };
        Ok(match commit.advance.admitted {
            0 => update,
            _ => update.expression_attribute_values(":least", n(-gained)),
        })
    }

    /// The write of the survey's freed slots and progress, if no other tick came in between (invariant 4: a slot is
    /// freed once).
    fn progress_update(&self, state: &QueueState, commit: &Commit) -> Result<UpdateItemFluentBuilder, StoreError> {
        Ok(self.progress(state, commit, "SET", gained(commit, state))?.condition_expression("tick = :tick"))
    }

    fn progress(
        &self,
        state: &QueueState,
        commit: &Commit,
        set: &str,
        gained: i128,
    ) -> Result<UpdateItemFluentBuilder, StoreError> {
        let comma = if set == "SET" { "" } else { "," };
        let pass = if commit.pass.is_some() { ", #pass = :pass" } else { " REMOVE #pass" };
        let expression = format!(
            "{set}{comma} #free = #free + :gained, occupied = occupied + :taken, #floor = :floor, sampled = :sampled, \
             lastSeen = :last, alarm = :alarm, ticks = :ticks, #at = :at, tick = tick + :one{pass}"
        );
        let taken = i128::from(commit.advance.admitted) - i128::from(commit.freed);
        let update = self
            .update(&keys::queue_state(&state.queue_id))
            .update_expression(expression)
            .expression_attribute_names("#free", "free")
            .expression_attribute_names("#floor", "floor")
            .expression_attribute_names("#pass", "pass")
            .expression_attribute_names("#at", "at")
            .expression_attribute_values(":at", n(commit.at.millis()))
            .expression_attribute_values(":gained", n(gained))
            .expression_attribute_values(":taken", n(taken))
            .expression_attribute_values(":floor", n(commit.floor.get()))
            .expression_attribute_values(":sampled", n(commit.sampled.millis()))
            .expression_attribute_values(":last", n(commit.last_seen.get()))
            .expression_attribute_values(":alarm", n(commit.next_alarm.millis()))
            .expression_attribute_values(":ticks", n(commit.ticks_until.millis()))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":tick", n(state.tick));
        match &commit.pass {
            Some(pass) => Ok(update.expression_attribute_values(":pass", request::value(pass)?)),
            None => Ok(update),
        }
    }
}

impl Store {
    /// Notes that regular ticks could not be sent, so that the next tick sends them.
    ///
    /// # Errors
    /// If the database fails.
    pub async fn note_unsent_ticks(&self, queue: &QueueId) -> Result<(), StoreError> {
        let update = self
            .update(&keys::queue_state(queue))
            .update_expression("SET ticks = :none")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":none", n(Timestamp::DISTANT_PAST.millis()));
        match self.send_update(update).await {
            Ok(_) | Err(WriteFailure::Condition(_)) => Ok(()),
            Err(WriteFailure::Store(error)) => Err(error),
        }
    }

    /// Returns the delay, in seconds, of a tick that this environment asks for; `None` if a tick that it asked for
    /// before is still to come. Keeps to one tick a second for each queue.
    pub fn request_tick(&self, queue: &QueueId) -> Option<u64> {
        let now = self.now();
        let due = wake::requested_tick(self.wishes.get(queue, now, i64::MAX), now)?;
        self.wishes.put(queue.clone(), due, Timestamp::DISTANT_PAST);
        Some(due.seconds_left(now))
    }
}

/// How much a tick adds to `free`.
fn gained(commit: &Commit, state: &QueueState) -> i128 {
    i128::from(commit.freed) - i128::from(commit.advance.admitted) + i128::from(commit.capacity)
        - i128::from(state.capacity)
}

/// The first place that the next tick surveys.
fn first_place(state: &QueueState) -> Place {
    state.pass.map_or(state.floor, |pass| pass.cursor)
}

/// The rules that apply to a queue: its settings, and the deployment's defaults for the rest.
pub(crate) fn rules_of(store: &Store, state: &QueueState) -> QueueRules {
    state.settings.rules(store.rules.queue)
}
