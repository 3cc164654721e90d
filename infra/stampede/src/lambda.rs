//! API Gateway and Lambda: whether a request gets through, and when its code begins to run.

use crate::{MILLI, Micros, table::Bucket};
use std::{cmp::Reverse, collections::BinaryHeap};

/// More environments that a function gets in ten seconds.
const MORE: f64 = 1_000.0;
/// A cold start.
const COLD: Micros = 130 * MILLI;

/// The functions that fans call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Function {
    /// `POST /login`.
    Login,
    /// `POST /tokens`.
    Join,
    /// `GET /tokens`.
    Poll,
    /// Everything of a fan inside.
    Buy,
}

/// Environments of a function.
#[derive(Debug)]
struct Pool {
    busy: BinaryHeap<Reverse<Micros>>,
    idle: usize,
    growth: Bucket,
}

/// What stands before the code.
#[derive(Debug)]
pub struct Front {
    gateway: Bucket,
    rate: f64,
    burst: f64,
    limit: usize,
    pools: [Pool; 4],
    /// Requests by function.
    pub requests: [u64; 4],
    /// Busy time by function, in microseconds.
    pub busy: [u64; 4],
    /// Environments that were started.
    pub started: u64,
    /// The most environments at once.
    pub most: usize,
    /// Requests that the gateway refused, and those that Lambda did.
    pub refused: (u64, u64),
}

impl Front {
    /// A gateway with a rate and a burst, before an account with a limit of environments. Each function has some
    /// `provisioned` ones from the start.
    pub fn new(rate: f64, burst: f64, limit: usize, provisioned: usize) -> Self {
        let pool = || Pool { busy: BinaryHeap::new(), idle: provisioned, growth: Bucket::full(MORE) };
        Front {
            gateway: Bucket::full(burst),
            rate,
            burst,
            limit,
            pools: [pool(), pool(), pool(), pool()],
            requests: [0; 4],
            busy: [0; 4],
            started: 0,
            most: 0,
            refused: (0, 0),
        }
    }

    /// Lets a request through that takes an environment for some time. Returns when its code begins to run; `None` for 429.
    pub fn enter(&mut self, function: Function, takes: Micros, now: Micros) -> Option<Micros> {
        if !self.gateway.take(1.0, self.rate, self.burst, now) {
            self.refused.0 += 1;
            return None;
        }
        let cold = self.environment(function, now)?;
        let at = function as usize;
        let begins = now + if cold { COLD } else { 0 };
        self.requests[at] += 1;
        self.busy[at] += begins + takes - now;
        self.pools[at].busy.push(Reverse(begins + takes));
        Some(begins)
    }

    /// Takes an environment; returns whether it is a new one.
    fn environment(&mut self, function: Function, now: Micros) -> Option<bool> {
        let pool = &mut self.pools[function as usize];
        pool.settle(now);
        if pool.idle > 0 {
            pool.idle -= 1;
            return Some(false);
        }
        let running: usize = self.pools.iter().map(|pool| pool.busy.len() + pool.idle).sum();
        let pool = &mut self.pools[function as usize];
        if running >= self.limit || !pool.growth.take(1.0, MORE / 10.0, MORE, now) {
            self.refused.1 += 1;
            return None;
        }
        self.started += 1;
        self.most = self.most.max(running + 1);
        Some(true)
    }

    /// Environments that poll: each reads the queue's state once a second.
    pub fn polling(&self) -> usize {
        let pool = &self.pools[Function::Poll as usize];
        pool.busy.len() + pool.idle
    }
}

impl Pool {
    fn settle(&mut self, now: Micros) {
        while self.busy.peek().is_some_and(|Reverse(until)| *until <= now) {
            self.busy.pop();
            self.idle += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SECOND;

    #[test]
    fn requests_meet_the_gateway_the_growth_of_a_function_and_the_limit_of_the_account() {
        let entered = |front: &mut Front, function, count: u32, now| {
            (0..count).filter(|_| front.enter(function, 30 * SECOND, now).is_some()).count()
        };
        let mut front = Front::new(10_000.0, 2_000.0, 1_500, 0);
        assert_eq!(entered(&mut front, Function::Join, 3_000, 0), 1_000, "environments that a function gets at once");
        assert_eq!(front.refused, (1_000, 1_000));
        assert_eq!(entered(&mut front, Function::Join, 1_000, SECOND), 100);
        assert_eq!(entered(&mut front, Function::Poll, 1_000, SECOND), 400, "the account's limit");
        assert_eq!(entered(&mut front, Function::Join, 1_100, 40 * SECOND), 1_100, "warm");
        assert_eq!(front.started, 1_500);
    }
}
