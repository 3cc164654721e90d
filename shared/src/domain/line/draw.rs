//! The draw: who joined before the opening gets a rank by lot, which anybody can recompute.

use super::interval::Counts;
use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac::{HMAC_SHA256, Key, sign},
};

/// The name of the rule. A change of anything in [`Seed::permute`] or [`Secret::seed`] needs another name.
pub const DRAW_RULE: &str = "stagedoor-draw-1";

/// Rounds of the Feistel network.
const ROUNDS: u8 = 10;
/// The least number of bits in half of a block. With fewer the network cannot make every permutation about equally likely.
const MIN_HALF_BITS: u32 = 4;

/// What a queue commits itself to before anybody knows how many fans join.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Secret(pub [u8; 32]);

/// What decides the ranks of a draw: it hangs on the secret and on how many joined in each shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Seed(pub [u8; 32]);

impl Secret {
    /// SHA-256 of the secret's 32 bytes, as lower-case hexadecimal: public from the moment that the draw is set.
    pub fn commitment(&self) -> String {
        hexadecimal(digest(&SHA256, &self.0).as_ref())
    }

    /// The secret as lower-case hexadecimal: public once the draw is done.
    pub fn reveal(&self) -> String {
        hexadecimal(&self.0)
    }

    /// HMAC-SHA256 of the counts in their canonical form ([`Counts::to_bytes`]), under the secret.
    pub fn seed(&self, counts: &Counts) -> Seed {
        Seed(mac(&Key::new(HMAC_SHA256, &self.0), &counts.to_bytes()))
    }
}

// No derived Debug: a log must not show the secret.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

impl Seed {
    /// A permutation of 0..`size`: the rank of an index, both from 0. `index` must be below `size`.
    ///
    /// The rule `stagedoor-draw-1`, byte by byte:
    ///
    /// 1. `h`, the bits of half a block, is the least number from 4 on with 2^(2h) >= `size`.
    /// 2. A block x of 2h bits has the halves L = x >> h and R = x & (2^h - 1).
    /// 3. Ten rounds, r = 0..9: (L, R) = (R, L xor F(r, R)). F(r, R) is HMAC-SHA256 under the seed of nine bytes, r and
    ///    then R as eight bytes, the highest first; of that the first eight bytes as a number, the highest first; of that
    ///    the lowest h bits.
    /// 4. The block is L << h | R. If it is `size` or more, it goes through the rounds again, until it is below.
    ///
    /// With the secret 000102..1f and the counts 3, 0, 2 the commitment is
    /// `630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd`, and the tests below have the ranks.
    pub fn permute(&self, index: u64, size: u64) -> u64 {
        debug_assert!(index < size, "only indexes of the draw are ranked");
        let key = Key::new(HMAC_SHA256, &self.0);
        let bits = (u64::BITS - size.saturating_sub(1).leading_zeros()).div_ceil(2).max(MIN_HALF_BITS);
        let mut block = index;
        loop {
            block = feistel(&key, block, bits);
            if block < size {
                return block;
            }
        }
    }
}

fn feistel(key: &Key, block: u64, bits: u32) -> u64 {
    let mask = (1u64 << bits) - 1;
    let (mut left, mut right) = (block >> bits, block & mask);
    for round in 0..ROUNDS {
        let mut message = [round; 9];
        message[1..].copy_from_slice(&right.to_be_bytes());
        let mac = mac(key, &message);
        let mut first = [0; 8];
        first.copy_from_slice(&mac[..8]);
        (left, right) = (right, left ^ (u64::from_be_bytes(first) & mask));
    }
    (left << bits) | right
}

fn mac(key: &Key, message: &[u8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.copy_from_slice(sign(key, message).as_ref());
    bytes
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bytes 00 01 02 .. 1f.
    fn secret() -> Secret {
        Secret(std::array::from_fn(|i| i as u8))
    }

    fn seed(counts: &[u64]) -> Seed {
        secret().seed(&Counts::new(counts.iter().copied()).unwrap())
    }

    // These numbers come from an implementation in Python that shares nothing with this one.
    #[test]
    fn the_rule_is_frozen() {
        assert_eq!(secret().commitment(), "630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd");
        let seed_of_five = seed(&[3, 0, 2]);
        let shown = "58c86ddf1532eac7228a011808611cb0bd46c1e08c621b7dc9f601e2b6f2aa43";
        assert_eq!(hexadecimal(&seed_of_five.0), shown);
        assert_eq!([0, 1, 2, 3, 4].map(|index| seed_of_five.permute(index, 5)), [1, 4, 3, 0, 2]);
        let million = seed(&[1_000_000]);
        assert_eq!([0, 1, 999_999].map(|index| million.permute(index, 1_000_000)), [382_359, 44_219, 421_697]);
        let most = u64::from(u32::MAX);
        assert_eq!(seed(&[most, most]).permute(2 * most - 1, 2 * most), 72_792_401);
    }

    #[test]
    fn each_rank_is_given_once() {
        for size in [1, 2, 3, 15, 16, 17, 255, 256, 257, 1_000] {
            let seed = seed(&[size]);
            let mut ranks: Vec<u64> = (0..size).map(|index| seed.permute(index, size)).collect();
            ranks.sort_unstable();
            assert_eq!(ranks, (0..size).collect::<Vec<_>>());
        }
    }

    #[test]
    fn each_fan_of_a_few_is_first_about_equally_often() {
        let mut first = [0u32; 5];
        for number in 0..2_000u16 {
            let mut bytes = [0; 32];
            bytes[..2].copy_from_slice(&number.to_be_bytes());
            let seed = Secret(bytes).seed(&Counts::new([5]).unwrap());
            let winner = (0..5).find(|index| seed.permute(*index, 5) == 0).unwrap();
            first[winner as usize] += 1;
        }
        assert!(first.iter().all(|times| (320..480).contains(times)), "{first:?}");
    }

    #[test]
    fn the_secret_is_not_shown_in_a_log() {
        assert_eq!(format!("{:?}", secret()), "Secret");
        assert_eq!(secret().reveal()[..8], *"00010203");
    }
}
