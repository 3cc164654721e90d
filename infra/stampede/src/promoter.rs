//! Promotion: a tick each second, by the domain's own survey and rules.

use crate::{
    Micros, SECOND,
    options::Options,
    sale::{Kind, Sale, at},
};
use shared::domain::{
    id::QueueId,
    promotion::{Ahead, Commit, Observed, advance, commit},
    queue::{QueueRules, QueueSettings, QueueState},
    rate::AdmitPerMinute,
    survey::{Fence, Finding, Pass, Seen, judge},
    ticket::Place,
    time::{Seconds, Timestamp},
};
use std::collections::BTreeSet;

/// Places that a tick surveys.
const BUDGET: usize = 25_000;

/// The state of the queue, and the sessions.
#[derive(Debug)]
pub struct Promoter {
    /// The state.
    pub state: QueueState,
    /// The rules that apply.
    pub rules: QueueRules,
    /// Sessions and tombstones, by place.
    pub sessions: Vec<Option<Seen>>,
    /// The most slots that were taken at once.
    pub most: u64,
}

impl Promoter {
    /// The promoter of a queue that fans may join from `begins` on.
    pub fn new(options: &Options, begins: Micros) -> Self {
        let rules = QueueRules {
            capacity: options.capacity,
            claim_window: Seconds(180),
            active: Seconds(600),
            waiting: Seconds(7_200),
        };
        let opens_at = Some(at(begins + Micros::from(options.opens_after) * SECOND));
        let admit_per_minute = options.admit_per_minute.map(AdmitPerMinute);
        let settings = QueueSettings { opens_at, admit_per_minute, ..QueueSettings::default() };
        Promoter {
            state: QueueState::new(QueueId::main(), settings, rules, at(0)),
            rules,
            sessions: Vec::new(),
            most: 0,
        }
    }

    /// The session or tombstone of a place.
    pub fn session(&self, place: Place) -> Option<&Seen> {
        self.sessions.get(place.get() as usize)?.as_ref()
    }

    /// Puts a session or a tombstone, if there is none.
    pub fn put(&mut self, place: Place, active_until: Timestamp, ended: Option<Timestamp>) {
        let at = place.get() as usize;
        self.sessions.resize(self.sessions.len().max(at + 1), None);
        self.sessions[at].get_or_insert(Seen { place, active_until, hold_until: Timestamp::DISTANT_PAST, ended });
    }

    /// Ends the session of a place, or puts a tombstone.
    pub fn end(&mut self, place: Place, now: Timestamp) {
        self.put(place, Timestamp::DISTANT_PAST, Some(now));
        if let Some(Some(seen)) = self.sessions.get_mut(place.get() as usize) {
            seen.ended.get_or_insert(now);
        }
    }

    /// Surveys the admitted places; returns how many were looked at, and how many fenced.
    fn survey(&mut self, pass: &mut Pass, now: Timestamp) -> (u32, u32) {
        let (mut seen, mut fenced) = (0, 0);
        for _ in 0..BUDGET {
            pass.skip_dead(&self.state);
            if pass.is_done() {
                break;
            }
            seen += 1;
            match judge(&self.state, pass.cursor, self.session(pass.cursor), now) {
                Finding::Over => pass.note(None),
                Finding::Alive(end) => pass.note(Some(end)),
                Finding::Unclaimed(end) => pass.note_unclaimed(end),
                Finding::ToFence(fence @ (Fence::NoShow(_) | Fence::Expired { .. })) => {
                    fenced += 1;
                    self.end(fence.place(), now);
                    pass.note(None);
                }
            }
        }
        (seen, fenced)
    }

    /// Looks ahead of `served` until so many places live.
    fn ahead(&self, slots: u64, last: Place) -> Ahead {
        let (mut dead, mut seen_to, mut living) = (BTreeSet::new(), self.state.served, 0);
        while seen_to < last && seen_to.behind(self.state.served) < BUDGET as u64 {
            let place = seen_to.plus(1);
            if self.session(place).is_some_and(|seen| seen.ended.is_some()) {
                dead.insert(place);
            } else if living == slots {
                break;
            } else {
                living += 1;
            }
            seen_to = place;
        }
        Ahead { dead, seen_to, dead_to: Place::NONE }
    }

    /// What the store's update makes of the state.
    fn apply(&mut self, commit: Commit) {
        let (state, moved) = (&mut self.state, commit.advance);
        state.free += commit.freed as i64 - moved.admitted as i64;
        state.occupied = state.occupied.saturating_sub(commit.freed) + moved.admitted;
        state.admitted += moved.admitted;
        (state.served, state.floor, state.pass) = (moved.served, commit.floor, commit.pass);
        (state.buckets, state.marks, state.pace) = (commit.buckets, commit.marks, commit.pace);
        (state.unclaimed, state.last_seen, state.at) = (commit.unclaimed, commit.last_seen, commit.at);
        state.paid = commit.paid;
        state.tick += 1;
        self.most = self.most.max(self.state.occupied);
    }
}

impl Sale {
    /// A tick.
    pub fn tick(&mut self, micros: Micros) {
        let (now, last_place) = (at(micros), self.lanes.last_place());
        let promoter = &mut self.promoter;
        let mut pass = promoter.state.pass.unwrap_or_else(|| Pass::begin(&promoter.state, now));
        let (seen, fenced) = promoter.survey(&mut pass, now);
        let freed = pass.freed(&promoter.state);
        let slots = u64::try_from(promoter.state.free + freed as i64).unwrap_or_default();
        let ahead = promoter.ahead(slots, last_place);
        let observed = Observed { pass, freed, last_place, sampled: promoter.state.sampled };
        let planned = advance(&promoter.state, freed, &ahead, last_place, promoter.rules, now);
        let commit = commit(&promoter.state, &observed, planned, promoter.rules, now);
        if commit.is_idle(&promoter.state) {
            return;
        }
        promoter.apply(commit);
        // A session read costs about a twentieth of a unit beside others; a fence and the commit a write each.
        let reads = f64::from(seen) * 0.05 + 2.0;
        self.use_units(Kind::Admit, f64::from(fenced) + 1.0, reads);
    }
}
