//! DynamoDB tables: partitions with their units, and what was used.

use crate::{Micros, SECOND};

const WRITES: f64 = 1_000.0;
const READS: f64 = 3_000.0;
/// Partitions of a new table.
const PARTITIONS: usize = 4;
/// A table that is throttled doubles after this time, and not again before.
const DOUBLES_AFTER: Micros = 600 * SECOND;

/// A bucket that fills with time.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    left: f64,
    at: Micros,
}

impl Bucket {
    /// A full bucket.
    pub fn full(size: f64) -> Self {
        Bucket { left: size, at: 0 }
    }

    /// Takes units, if there are enough. It fills with `rate` a second up to `size`.
    pub fn take(&mut self, units: f64, rate: f64, size: f64, now: Micros) -> bool {
        self.left = (self.left + now.saturating_sub(self.at) as f64 * rate / SECOND as f64).min(size);
        self.at = self.at.max(now);
        let enough = self.left >= units;
        if enough {
            self.left -= units;
        }
        enough
    }
}

/// A table.
#[derive(Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// Write units that were used.
    pub writes: f64,
    /// Read units that were used.
    pub reads: f64,
    /// Requests that were throttled.
    pub throttled: u64,
    partitions: Vec<(Bucket, Bucket)>,
    throttled_since: Option<Micros>,
}

impl Table {
    /// A table that is warm for so many write units a second.
    pub fn new(name: &'static str, warm: u32) -> Self {
        let partitions = PARTITIONS.max((f64::from(warm) / WRITES).ceil() as usize);
        let partition = (Bucket::full(WRITES), Bucket::full(READS));
        Table {
            name,
            writes: 0.0,
            reads: 0.0,
            throttled: 0,
            partitions: vec![partition; partitions],
            throttled_since: None,
        }
    }

    /// How many partitions it has.
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// Writes an item of a key; `false` where its partition throttles.
    pub fn write(&mut self, key: u64, units: f64, now: Micros) -> bool {
        let at = self.partition(key, now);
        let done = self.partitions[at].0.take(units, WRITES, WRITES, now);
        self.note(done, now);
        self.writes += if done { units } else { 0.0 };
        done
    }

    /// Reads an item of a key; `false` where its partition throttles.
    pub fn read(&mut self, key: u64, units: f64, now: Micros) -> bool {
        let at = self.partition(key, now);
        let done = self.partitions[at].1.take(units, READS, READS, now);
        self.note(done, now);
        self.reads += if done { units } else { 0.0 };
        done
    }

    fn note(&mut self, done: bool, now: Micros) {
        if !done {
            self.throttled += 1;
            self.throttled_since.get_or_insert(now);
        }
    }

    fn partition(&mut self, key: u64, now: Micros) -> usize {
        if self.throttled_since.is_some_and(|since| since + DOUBLES_AFTER <= now) {
            self.partitions.extend_from_within(..);
            self.throttled_since = None;
        }
        (hash(key) % self.partitions.len() as u64) as usize
    }
}

/// Spreads keys evenly (SplitMix64).
pub fn hash(key: u64) -> u64 {
    let mut hash = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_takes_a_thousand_writes_a_second_and_the_table_doubles_late() {
        let mut table = Table::new("Test", 2_500);
        assert_eq!((table.partitions(), Table::new("Test", 9_001).partitions()), (4, 10));
        let mut written = |now: Micros| (0..3_000).filter(|_| table.write(7, 1.0, now)).count();
        assert_eq!([written(0), written(SECOND / 2), written(SECOND * 9)], [1_000, 500, 1_000]);
        assert!(table.read(7, 3_000.0, 0) && !table.read(7, 1.0, 0));
        assert_eq!(table.partitions(), 4);
        table.write(7, 1.0, DOUBLES_AFTER);
        assert_eq!(table.partitions(), 8);
    }
}
