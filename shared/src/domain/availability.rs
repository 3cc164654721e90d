//! Which seats of a concert are free: a bitmap for each chunk, as it was counted, and the document that clients read.

use super::{
    concert::SeatStatus,
    layout::{Chunk, Layout, SEATS_PER_CHUNK, SeatNumber},
    time::Timestamp,
};
use std::{collections::BTreeMap, sync::Arc};

const BITS_PER_SEAT: usize = 2;
const SEATS_PER_BYTE: usize = 8 / BITS_PER_SEAT;
const MASK: u8 = 0b11;
const FREE: u8 = 0b00;

/// The bits of a seat. `11` is for seats that are not for sale; no seat is blocked yet.
const fn bits(status: SeatStatus) -> u8 {
    match status {
        SeatStatus::Available => FREE,
        SeatStatus::Held => 0b01,
        SeatStatus::Sold => 0b10,
    }
}

/// Sets the bits of a seat that is free in `bitmap`.
fn set(bitmap: &mut [u8], index: usize, bits: u8) {
    bitmap[index / SEATS_PER_BYTE] |= bits << (index % SEATS_PER_BYTE * BITS_PER_SEAT);
}

fn get(bitmap: &[u8], index: usize) -> u8 {
    bitmap[index / SEATS_PER_BYTE] >> (index % SEATS_PER_BYTE * BITS_PER_SEAT) & MASK
}

/// The seats of a chunk: two bits for each of its 256 numbers, four seats a byte, lowest bits first. Numbers that the
/// layout lacks are free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SeatBitmap([u8; SeatBitmap::BYTES]);

impl SeatBitmap {
    /// The length of a bitmap.
    pub const BYTES: usize = SEATS_PER_CHUNK as usize / SEATS_PER_BYTE;

    /// The bitmap of a chunk of which `seats` are not all free. All other seats are.
    pub fn of(seats: impl IntoIterator<Item = (SeatNumber, SeatStatus)>) -> Self {
        let mut bitmap = [0; Self::BYTES];
        for (seat, status) in seats {
            set(&mut bitmap, seat.index_in_chunk(), bits(status));
        }
        SeatBitmap(bitmap)
    }

    /// The bitmap with these bytes; `None` if they are not as many as a chunk has.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(SeatBitmap)
    }

    /// The bytes, as they are stored.
    pub const fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A chunk as it was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedChunk {
    /// The version of the count. It grows with each count.
    pub version: u64,
    /// When the seats were counted. It never goes back from one version to the next.
    pub at: Timestamp,
    /// The seats.
    pub seats: SeatBitmap,
}

/// The seats of a concert, put together from its chunks.
///
/// A hold that ended since its chunk was counted is still held here. The document is what the seats were when they were
/// counted, so that it changes only with its version: judged by the time of the answer it would change under one version,
/// and a client that compares versions would miss that. The hold's timer frees the seat, which counts the chunk again.
///
/// Environments that read two counts in different order may show different documents under one version for a moment.
/// The one that knows every count has a higher version than both.
#[derive(Debug)]
pub struct Availability {
    /// The seats of the concert and their prices.
    pub layout: Arc<Layout>,
    /// The versions of the chunks, added up; 0 while no seat was ever held.
    pub version: u64,
    /// The time of the version.
    pub at: Timestamp,
    /// Two bits for each seat of the layout, ascending by number over all blocks, without gaps: four seats a byte, lowest
    /// bits first.
    pub seats: Vec<u8>,
    /// How many seats of each block are free, in the order of the layout.
    pub free: Vec<u32>,
    chunks: BTreeMap<Chunk, CountedChunk>,
}

impl Availability {
    /// Puts chunks together that were just read. A chunk that was never counted is free.
    ///
    /// An eventually consistent read may show an older count of a chunk than the read before did. Then the chunk of
    /// `last` stays, so that neither a version nor a seat goes back for those who read one environment.
    pub fn new(
        layout: Arc<Layout>,
        created_at: Timestamp,
        read: BTreeMap<Chunk, CountedChunk>,
        last: Option<&Self>,
    ) -> Self {
        let mut chunks = read;
        for (chunk, known) in last.iter().flat_map(|last| &last.chunks) {
            let newest = chunks.entry(*chunk).or_insert(*known);
            if newest.version < known.version {
                *newest = *known;
            }
        }
        let version = chunks.values().map(|chunk| chunk.version).sum();
        let at = chunks.values().map(|chunk| chunk.at).fold(created_at, Timestamp::max);
        let (seats, free) = lay_out(&layout, &chunks);
        Availability { layout, version, at, seats, free, chunks }
    }
}

/// The bits of the layout's seats without gaps, and how many seats of each block are free.
fn lay_out(layout: &Layout, chunks: &BTreeMap<Chunk, CountedChunk>) -> (Vec<u8>, Vec<u32>) {
    let mut seats = vec![0; (layout.seats_total() as usize).div_ceil(SEATS_PER_BYTE)];
    let (mut index, mut free) = (0, Vec::with_capacity(layout.blocks().len()));
    for block in layout.blocks() {
        let mut free_of_block = block.seats_total();
        for span in block.spans() {
            let (first, last) = (span.first.index_in_chunk(), span.last.index_in_chunk());
            if let Some(counted) = chunks.get(&span.first.chunk()) {
                for (seat, place) in (first..=last).zip(index..) {
                    let bits = get(counted.seats.bytes(), seat);
                    free_of_block -= u32::from(bits != FREE);
                    set(&mut seats, place, bits);
                }
            }
            index += last - first + 1;
        }
        free.push(free_of_block);
    }
    (seats, free)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{amount::Amount, layout::Block};
    use proptest::prelude::*;

    fn seat(number: u32) -> SeatNumber {
        SeatNumber::new(number).expect("a seat")
    }

    fn block(from: u32, to: u32) -> Block {
        Block {
            section: "A".into(),
            from: seat(from),
            to: seat(to),
            seat_type: "STANDARD".into(),
            price: Amount::new(1),
        }
    }

    /// Blocks of these sizes, each behind a gap.
    fn layout(sizes: &[(u32, u32)]) -> Arc<Layout> {
        let (mut blocks, mut next) = (Vec::new(), 1);
        for (gap, size) in sizes {
            blocks.push(block(next + gap, next + gap + size - 1));
            next += gap + size;
        }
        Arc::new(Layout::new(blocks).expect("a layout"))
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn counted(version: u64, millis: i64, taken: &[(u32, SeatStatus)]) -> CountedChunk {
        let seats = SeatBitmap::of(taken.iter().map(|(number, status)| (seat(*number), *status)));
        CountedChunk { version, at: at(millis), seats }
    }

    proptest! {
        #[test]
        fn every_seat_stands_at_its_rank_with_its_status(
            sizes in prop::collection::vec((0u32..700, 1u32..700), 1..8), seed in any::<u64>(),
        ) {
            let layout = layout(&sizes);
            let status = |number: u32| match (u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ seed) >> 7 & 3 {
                1 => SeatStatus::Held,
                2 => SeatStatus::Sold,
                _ => SeatStatus::Available,
            };
            // Every third chunk was never counted. Numbers in the gaps have bits too, which must not show.
            let is_counted = |chunk: Chunk| !chunk.0.is_multiple_of(3);
            let chunks = layout.chunks().into_iter().filter(|chunk| is_counted(*chunk)).map(|chunk| {
                let numbers = chunk.0 * SEATS_PER_CHUNK + 1..=(chunk.0 + 1) * SEATS_PER_CHUNK;
                let all: Vec<_> = numbers.map(|number| (number, status(number))).collect();
                (chunk, counted(1, 5, &all))
            });
            let document = Availability::new(layout.clone(), at(0), chunks.collect(), None);
            let mut taken = vec![0; layout.blocks().len()];
            for (rank, (number, block)) in layout.seats(None, None).enumerate() {
                let expected = if is_counted(number.chunk()) { status(number.get()) } else { SeatStatus::Available };
                prop_assert_eq!(document.seats[rank / 4] >> (rank % 4 * 2) & 3, bits(expected), "{:?}", number);
                let place = layout.blocks().iter().position(|other| other == block).expect("a block");
                taken[place] += u32::from(expected != SeatStatus::Available);
            }
            prop_assert_eq!(document.seats.len(), (layout.seats_total() as usize).div_ceil(4));
            let totals = layout.blocks().iter().map(Block::seats_total);
            let free: Vec<u32> = totals.zip(taken).map(|(total, taken)| total - taken).collect();
            prop_assert_eq!(&document.free, &free);
        }
    }

    #[test]
    fn a_chunk_that_is_read_older_than_before_does_not_go_back() {
        let layout = layout(&[(0, 600)]);
        let (held, sold) = (SeatStatus::Held, SeatStatus::Sold);
        let first =
            BTreeMap::from([(Chunk(0), counted(2, 20, &[(1, sold)])), (Chunk(1), counted(1, 30, &[(257, held)]))]);
        let first = Availability::new(layout.clone(), at(7), first, None);
        assert_eq!((first.version, first.at, &first.free[..]), (3, at(30), &[598][..]));
        // Chunk 0 is older, chunk 1 is missing, chunk 2 is new.
        let second = BTreeMap::from([(Chunk(0), counted(1, 10, &[])), (Chunk(2), counted(1, 25, &[(600, held)]))]);
        let second = Availability::new(layout.clone(), at(7), second, Some(&first));
        assert_eq!((second.version, second.at, &second.free[..]), (4, at(30), &[597][..]));
        assert_eq!((second.seats[0], second.seats[64], second.seats[149]), (0b10, 0b01, 0b0100_0000));
        let third = BTreeMap::from([(Chunk(1), counted(2, 40, &[]))]);
        let third = Availability::new(layout.clone(), at(7), third, Some(&second));
        assert_eq!((third.version, third.at, &third.free[..]), (5, at(40), &[598][..]));
    }

    #[test]
    fn a_concert_that_was_never_counted_is_free_since_it_was_created() {
        let document = Availability::new(layout(&[(9, 5), (300, 2)]), at(7), BTreeMap::new(), None);
        assert_eq!((document.version, document.at), (0, at(7)));
        assert_eq!((document.seats, document.free), (vec![0, 0], vec![5, 2]));
    }

    #[test]
    fn a_bitmap_is_read_as_it_was_written() {
        let bitmap = SeatBitmap::of([(seat(257), SeatStatus::Sold), (seat(512), SeatStatus::Held)]);
        assert_eq!((bitmap.bytes()[0], bitmap.bytes()[63]), (0b10, 0b0100_0000));
        assert_eq!(SeatBitmap::from_bytes(bitmap.bytes()), Some(bitmap));
        assert_eq!(SeatBitmap::from_bytes(&[0; 63]), None);
    }
}
