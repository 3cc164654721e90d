//! Delivers a batch of a stream: in order, with retries, until every change is handled or given up.

use std::time::Duration;

use tokio::time;

/// The first and the longest pause before a batch is tried again.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// What happens when the receiver fails.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// Whether a batch is cut in two before it is tried again.
    pub bisect: bool,
    /// How often the same changes are tried again; `None` for no limit.
    pub most_retries: Option<u32>,
}

/// The receiver of the changes.
pub trait Receiver<T> {
    /// Tries to handle the changes, and returns how many were handled, counted from the first.
    fn attempt(&self, changes: &[T]) -> impl Future<Output = usize> + Send;
    /// Records that every change up to this one is handled or given up.
    fn reached(&self, change: &T);
    /// Records changes that could not be handled.
    fn give_up(&self, changes: &[T]) -> impl Future<Output = ()> + Send;
}

/// Delivers the batch.
pub async fn deliver<T>(batch: &[T], rules: Rules, receiver: &impl Receiver<T>) {
    // A stack of the parts that are left, the earliest on top, each with the number of its failures.
    let mut parts = vec![(batch, 0_u32)];
    while let Some((part, failures)) = parts.pop() {
        let handled = receiver.attempt(part).await;
        if let Some(last) = handled.checked_sub(1).and_then(|index| part.get(index)) {
            receiver.reached(last);
        }
        let rest = part.get(handled..).unwrap_or_default();
        let Some(last) = rest.last() else { continue };
        // Failures count again from 0 for what is left after progress, and for the halves of a part that was cut.
        if handled > 0 {
            parts.push((rest, 0));
        } else if rules.bisect && rest.len() > 1 {
            let (first, second) = rest.split_at(rest.len() / 2);
            parts.extend([(second, 0), (first, 0)]);
        } else if rules.most_retries.is_some_and(|most| failures >= most) {
            receiver.give_up(rest).await;
            receiver.reached(last);
            continue;
        } else {
            parts.push((rest, failures + 1));
        }
        time::sleep(pause(failures)).await;
    }
}

fn pause(failures: u32) -> Duration {
    let (first, longest) = BACK_OFF;
    first.saturating_mul(2_u32.saturating_pow(failures)).min(longest)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Fails at one change and records its calls.
    #[derive(Default)]
    struct Script {
        /// The change that cannot be handled.
        bad: u32,
        /// Whether it reports how many changes it handled before the failure, or 0.
        partial: bool,
        seen: Mutex<Vec<Vec<u32>>>,
        reached: Mutex<Vec<u32>>,
        given_up: Mutex<Vec<u32>>,
    }

    impl Receiver<u32> for Script {
        async fn attempt(&self, changes: &[u32]) -> usize {
            self.seen.lock().expect("no panic").push(changes.to_vec());
            match changes.iter().position(|change| *change == self.bad) {
                Some(index) if self.partial => index,
                Some(_) => 0,
                None => changes.len(),
            }
        }

        fn reached(&self, change: &u32) {
            self.reached.lock().expect("no panic").push(*change);
        }

        async fn give_up(&self, changes: &[u32]) {
            self.given_up.lock().expect("no panic").extend(changes);
        }
    }

    async fn run(bad: u32, partial: bool, bisect: bool) -> (Vec<Vec<u32>>, Vec<u32>, Vec<u32>) {
        let script = Script { bad, partial, ..Script::default() };
        deliver(&[1, 2, 3, 4], Rules { bisect, most_retries: Some(1) }, &script).await;
        let take = |list: Mutex<Vec<u32>>| list.into_inner().expect("no panic");
        (script.seen.into_inner().expect("no panic"), take(script.reached), take(script.given_up))
    }

    #[tokio::test]
    async fn a_handled_batch_is_delivered_once() {
        let (seen, reached, given_up) = run(0, false, true).await;
        assert_eq!((seen, reached, given_up), (vec![vec![1, 2, 3, 4]], vec![4], vec![]));
    }

    #[tokio::test]
    async fn a_failing_batch_is_bisected_down_to_the_failing_change() {
        let (seen, reached, given_up) = run(3, false, true).await;
        assert_eq!(seen, [vec![1, 2, 3, 4], vec![1, 2], vec![3, 4], vec![3], vec![3], vec![4]]);
        assert_eq!((reached, given_up), (vec![2, 3, 4], vec![3]));
    }

    #[tokio::test]
    async fn handled_changes_are_not_delivered_again() {
        let (seen, reached, given_up) = run(2, true, false).await;
        assert_eq!(seen, [vec![1, 2, 3, 4], vec![2, 3, 4], vec![2, 3, 4]]);
        assert_eq!((reached, given_up), (vec![1, 4], vec![2, 3, 4]));
    }

    #[test]
    fn pauses_double_up_to_the_longest() {
        assert_eq!(pause(0), Duration::from_millis(100));
        assert_eq!(pause(3), Duration::from_millis(800));
        assert_eq!(pause(99), Duration::from_secs(10));
    }
}
