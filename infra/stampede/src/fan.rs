//! A fan: joins, polls, gives up or buys, one request after another.

use crate::{
    MILLI, Micros, SECOND,
    lambda::Function,
    line::NotDrawn,
    options::Options,
    sale::{BEGINS, Kind, Sale, at},
    table::hash,
};
use shared::domain::{line::LineTicket, polling::UNKNOWN_SECONDS, ticket::Place, time::Timestamp};

/// CPU and waits of the functions. A login is mostly argon2id.
const LOGIN: Micros = 95 * MILLI;
const JOIN: Micros = 22 * MILLI;
const POLL: Micros = 3 * MILLI;
const BUY: Micros = 30 * MILLI;
/// A request to a table.
const TABLE: Micros = 5 * MILLI;
/// From the function back to the fan.
const BACK: Micros = 10 * MILLI;
/// Shards that a join tries, and tries of the SDK where there is one counter only.
const SHARDS: u8 = 8;
const SDK_TRIES: u8 = 3;
/// Within this time those who lose patience do so.
const PATIENCE: Micros = 1_800 * SECOND;
/// The longest pause before another try.
const LONGEST_PAUSE: u32 = 30;
/// Partitions of a queue's sessions, and of a concert's chunks.
const SESSIONS: u64 = 1 << 42;
const CHUNKS: u64 = 1 << 43;

/// What a fan does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Doing {
    /// Logs in.
    Login,
    /// Sends a join.
    Join,
    /// The join draws.
    Draw,
    /// The join puts the ticket.
    Put,
    /// Polls.
    Poll,
    /// Looks at the seats, and holds some.
    Hold,
    /// Pays, or lets the hold go.
    Pay,
    /// Is done.
    Done,
}

/// A fan.
#[derive(Debug, Clone)]
pub struct Fan {
    /// What comes next.
    pub doing: Doing,
    /// When the fan came.
    pub came: Micros,
    /// When the number was drawn.
    pub drawn: Micros,
    /// When the join was answered 201.
    pub answered: Micros,
    /// When the final place was known to the fan.
    pub placed: Micros,
    /// The number.
    pub ticket: LineTicket,
    /// The place; [`Place::NONE`] while it is not known.
    pub place: Place,
    /// When the fan loses patience.
    patience: Micros,
    tries: u8,
    seats: u8,
}

impl Fan {
    /// A fan who comes some time after the begin.
    pub fn new(options: &Options) -> Self {
        let chance = fastrand::f64();
        let share = if options.even { chance } else { 1.0 - (1.0 - chance).sqrt() };
        let came = BEGINS + (share * f64::from(options.seconds) * SECOND as f64) as Micros;
        let loses = fastrand::f64() < options.give_up;
        Fan {
            doing: if fastrand::f64() < options.logged_in { Doing::Join } else { Doing::Login },
            came,
            drawn: 0,
            answered: 0,
            placed: 0,
            ticket: LineTicket { interval: 0, shard: 0, number: 0 },
            place: Place::NONE,
            patience: if loses { came + fastrand::u64(0..PATIENCE) } else { Micros::MAX },
            tries: 0,
            seats: fastrand::u8(1..=4),
        }
    }

    /// The pause before another try: doubling, with jitter.
    fn pause(&self) -> Micros {
        let seconds = 2u32.saturating_pow(self.tries.into()).min(LONGEST_PAUSE);
        (f64::from(seconds) * (0.5 + fastrand::f64()) * SECOND as f64) as Micros
    }
}

impl Sale {
    /// Does what a fan does next.
    pub fn go_on(&mut self, id: u32, now: Micros) {
        match self.fans[id as usize].doing {
            Doing::Login => self.log_in(id, now),
            Doing::Join => self.join(id, now),
            Doing::Draw => self.draw(id, now),
            Doing::Put => self.put(id, now),
            Doing::Poll => self.poll(id, now),
            Doing::Hold => self.hold(id, now),
            Doing::Pay => self.pay(id, now),
            Doing::Done => {}
        }
    }

    fn next(&mut self, id: u32, doing: Doing, when: Micros) {
        self.fans[id as usize].doing = doing;
        if doing == Doing::Done {
            self.active -= 1;
        } else {
            self.later(when, id);
        }
    }

    /// A refusal, 429 or 503: the fan tries again after a pause.
    fn again(&mut self, id: u32, doing: Doing, now: Micros) {
        let fan = &mut self.fans[id as usize];
        let pause = fan.pause();
        fan.tries = fan.tries.saturating_add(1);
        self.retries += 1;
        self.second().refused += 1;
        self.next(id, doing, now + pause);
    }

    fn log_in(&mut self, id: u32, now: Micros) {
        let Some(begins) = self.front.enter(Function::Login, LOGIN, now) else {
            return self.again(id, Doing::Login, now);
        };
        if !self.accounts.read(hash(id.into()), 2.0, now) || !self.limits.write(hash(id.into()), 2.0, now) {
            return self.again(id, Doing::Login, now);
        }
        self.use_units(Kind::Login, 2.0, 2.0);
        self.fans[id as usize].tries = 0;
        self.next(id, Doing::Join, begins + LOGIN + BACK);
    }

    fn join(&mut self, id: u32, now: Micros) {
        let Some(begins) = self.front.enter(Function::Join, JOIN, now) else { return self.again(id, Doing::Join, now) };
        if !self.queues.read(hash(id.into()), 1.0, begins) || !self.limits.write(hash(id.into()), 1.0, begins) {
            return self.again(id, Doing::Join, now);
        }
        self.use_units(Kind::Join, 1.0, 1.0);
        self.next(id, Doing::Draw, begins + TABLE);
    }

    fn draw(&mut self, id: u32, now: Micros) {
        let mut width = self.lanes.width;
        for _ in 0..if width > 1 { SHARDS } else { 1 } {
            let shard = fastrand::u16(0..width);
            let (ticket, place) = match self.lanes.draw(shard, &mut self.joins, now) {
                Ok(drawn) => drawn,
                Err(NotDrawn::Throttled) => continue,
                Err(NotDrawn::Closed(narrower)) => {
                    width = narrower;
                    continue;
                }
            };
            let fan = &mut self.fans[id as usize];
            (fan.ticket, fan.drawn, fan.tries) = (ticket, now, 0);
            fan.place = place.map_or(Place::NONE, Place::new);
            self.second().joins += 1;
            self.use_units(Kind::Join, 1.0, 0.0);
            return self.next(id, Doing::Put, now + TABLE);
        }
        // Where there is one counter only, the SDK sends the request again.
        let fan = &mut self.fans[id as usize];
        if width == 1 && fan.tries < SDK_TRIES {
            fan.tries += 1;
            let pause = fastrand::u64(0..(50 * MILLI) << fan.tries);
            return self.next(id, Doing::Draw, now + pause);
        }
        self.again(id, Doing::Join, now);
    }

    fn put(&mut self, id: u32, now: Micros) {
        if !self.queues.write(hash(id.into()), 1.0, now) {
            // The SDK tries again; after that the number is a hole.
            let fan = &mut self.fans[id as usize];
            if fan.tries < SDK_TRIES {
                fan.tries += 1;
                let pause = fastrand::u64(0..(50 * MILLI) << fan.tries);
                return self.next(id, Doing::Put, now + pause);
            }
            self.holes += 1;
            return self.again(id, Doing::Join, now);
        }
        self.use_units(Kind::Join, 1.0, 0.0);
        let answered = now + TABLE + BACK;
        let fan = &mut self.fans[id as usize];
        (fan.answered, fan.tries) = (answered, 0);
        let place = fan.place;
        if place == Place::NONE {
            return self.next(id, Doing::Poll, answered + UNKNOWN_SECONDS * SECOND);
        }
        fan.placed = answered;
        let wait = self.poll_after(place, now);
        self.next(id, Doing::Poll, answered + wait);
    }

    fn poll(&mut self, id: u32, now: Micros) {
        let Some(begins) = self.front.enter(Function::Poll, POLL, now) else { return self.again(id, Doing::Poll, now) };
        self.second().polls += 1;
        self.fans[id as usize].tries = 0;
        let place = match self.fans[id as usize].place {
            Place::NONE => match self.learn(id, begins) {
                Some(place) => place,
                None => return self.next(id, Doing::Poll, begins + POLL + BACK + UNKNOWN_SECONDS * SECOND),
            },
            place => place,
        };
        let state = &self.promoter.state;
        if place <= state.served {
            return self.claim(id, place, begins);
        }
        if self.sold_out.is_some() {
            return self.next(id, Doing::Done, now);
        }
        if self.fans[id as usize].patience <= now {
            // Half of them leave; the others just close the page.
            if id.is_multiple_of(2) {
                self.promoter.end(place, at(now));
                self.queues.write(SESSIONS + place.get() % 16, 1.0, now);
                self.use_units(Kind::Admit, 2.0, 1.0);
            }
            return self.next(id, Doing::Done, now);
        }
        let wait = self.poll_after(place, now);
        self.next(id, Doing::Poll, begins + POLL + BACK + wait);
    }

    /// Learns the final place, where the line says it. The line that an environment knows is up to a second old.
    fn learn(&mut self, id: u32, now: Micros) -> Option<Place> {
        let ticket = self.fans[id as usize].ticket;
        let place = self.lanes.place(&ticket)?;
        let known = self.lanes.cuts.get(ticket.interval as usize).map_or(now, |cut| cut.known);
        if known + fastrand::u64(0..SECOND) > now && !self.lanes.line.calm {
            return None;
        }
        self.use_units(Kind::Poll, 0.0, 1.0);
        let fan = &mut self.fans[id as usize];
        (fan.place, fan.placed) = (place, now + POLL + BACK);
        Some(place)
    }

    fn claim(&mut self, id: u32, place: Place, now: Micros) {
        if self.promoter.state.claim_deadline(place) <= at(now) || self.promoter.session(place).is_some() {
            self.late += 1;
            return self.next(id, Doing::Done, now);
        }
        if !self.queues.write(SESSIONS + place.get() % 16, 1.0, now) {
            return self.again(id, Doing::Poll, now);
        }
        let until = Timestamp::from_millis(at(now).millis() + self.promoter.rules.active.millis());
        self.promoter.put(place, until, None);
        self.use_units(Kind::Admit, 1.0, 0.0);
        self.next(id, Doing::Hold, now + fastrand::u64(15 * SECOND..60 * SECOND));
    }

    fn leave(&mut self, id: u32, now: Micros) {
        let place = self.fans[id as usize].place;
        self.promoter.end(place, at(now));
        self.use_units(Kind::Admit, 1.0, 0.0);
        self.next(id, Doing::Done, now);
    }

    fn hold(&mut self, id: u32, now: Micros) {
        let Some(_) = self.front.enter(Function::Buy, BUY, now) else { return self.again(id, Doing::Hold, now) };
        self.use_units(Kind::Buy, 0.0, 3.0);
        let wanted = u32::from(self.fans[id as usize].seats).min(self.seats.0);
        if wanted == 0 {
            // Seats may come back while some are only held.
            let stays = self.sold_out.is_none() && fastrand::f64() < 0.5;
            return if stays { self.next(id, Doing::Hold, now + 20 * SECOND) } else { self.leave(id, now) };
        }
        let units = f64::from(wanted) * 2.0;
        if !self.concerts.write(CHUNKS + fastrand::u64(0..u64::from(self.options.seats / 256 + 1)), units, now) {
            return self.again(id, Doing::Hold, now);
        }
        self.use_units(Kind::Buy, units + 4.0, 0.0);
        self.seats.0 -= wanted;
        self.fans[id as usize].seats = wanted as u8;
        self.next(id, Doing::Pay, now + fastrand::u64(30 * SECOND..120 * SECOND));
    }

    fn pay(&mut self, id: u32, now: Micros) {
        let Some(_) = self.front.enter(Function::Buy, BUY, now) else { return self.again(id, Doing::Pay, now) };
        let seats = u32::from(self.fans[id as usize].seats);
        if fastrand::f64() < 0.9 {
            self.seats.1 += seats;
            self.use_units(Kind::Buy, 2.0 * f64::from(seats) + 6.0, 3.0);
            if self.seats.1 == self.options.seats {
                self.sold_out.get_or_insert(now);
            }
        } else {
            self.seats.0 += seats;
            self.use_units(Kind::Buy, 2.0 * f64::from(seats) + 2.0, 1.0);
        }
        self.leave(id, now);
    }
}
