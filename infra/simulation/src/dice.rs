//! Randomness from a seed: every random choice of a run is drawn here.

use std::ops::RangeInclusive;

/// A generator (splitmix64): small, fast, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// A separate generator for the `number`th `what`, so that its draws do not change those of others.
    pub fn of(seed: u64, what: &str, number: u64) -> Self {
        let mut dice = Dice(seed);
        for byte in what.bytes() {
            dice.0 = dice.next() ^ u64::from(byte);
        }
        dice.0 = dice.next() ^ number;
        dice
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `sides`; 0 when there are none.
    pub fn below(&mut self, sides: u64) -> u64 {
        let drawn = self.next();
        if sides == 0 { 0 } else { drawn % sides }
    }

    /// A number from a range, both ends included.
    pub fn within(&mut self, range: RangeInclusive<u64>) -> u64 {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    /// True with a chance of `rate` in 10,000.
    pub fn happens(&mut self, rate: u32) -> bool {
        self.below(10_000) < u64::from(rate)
    }

    /// One element of a list.
    ///
    /// # Panics
    /// If the list is empty.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len() as u64) as usize]
    }

    /// 128 bits.
    pub fn bits(&mut self) -> u128 {
        u128::from(self.next()) << 64 | u128::from(self.next())
    }
}

#[cfg(test)]
mod tests {
    use super::Dice;

    #[test]
    fn draws_follow_from_seed_name_and_number() {
        let draws = |mut dice: Dice| (0..5).map(|_| dice.below(1_000_000)).collect::<Vec<_>>();
        assert_eq!(draws(Dice::of(7, "fan", 1)), draws(Dice::of(7, "fan", 1)));
        assert_ne!(draws(Dice::of(7, "fan", 1)), draws(Dice::of(8, "fan", 1)));
        assert_ne!(draws(Dice::of(7, "fan", 1)), draws(Dice::of(7, "fan", 2)));
        assert_ne!(draws(Dice::of(7, "fan", 1)), draws(Dice::of(7, "admin", 1)));
    }
}
