//! The seats of a concert: blocks of numbered seats, and chunks, each of which is a table partition.

use super::{amount::Amount, concert::Seating, refusal::Refusal};
use serde::{Deserialize, Serialize};

/// The number of a seat within its concert, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(value_type = u32, minimum = 1, example = 12))]
#[serde(transparent)]
pub struct SeatNumber(u32);

/// The number of a chunk: 256 neighbouring seats that share a table partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Chunk(pub u32);

/// How many seats a chunk has.
pub const SEATS_PER_CHUNK: u32 = 256;

impl SeatNumber {
    /// A seat number; `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        (number >= 1).then_some(SeatNumber(number))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }

    /// The chunk that the seat's item is stored in.
    pub const fn chunk(self) -> Chunk {
        Chunk((self.0 - 1) / SEATS_PER_CHUNK)
    }

    /// How many seats of its chunk come before the seat.
    pub const fn index_in_chunk(self) -> usize {
        ((self.0 - 1) % SEATS_PER_CHUNK) as usize
    }
}

/// Neighbouring seats of one section, type and price.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// The section of the venue that the seats are in.
    #[cfg_attr(feature = "openapi", schema(example = "A"))]
    pub section: String,
    /// The number of the first seat.
    pub from: SeatNumber,
    /// The number of the last seat, which belongs to the block.
    pub to: SeatNumber,
    /// The kind of seat, such as `STANDARD` or `VIP`. Organizers choose the word.
    #[cfg_attr(feature = "openapi", schema(example = "STANDARD"))]
    pub seat_type: String,
    /// The price of each seat, in the currency's minor unit.
    pub price: Amount,
}

impl Block {
    /// How many seats the block has.
    pub const fn seats_total(&self) -> u32 {
        self.to.0 - self.from.0 + 1
    }

    /// The parts of the block in each chunk, in ascending order.
    pub fn spans(&self) -> impl Iterator<Item = Span> {
        let (from, to) = (self.from, self.to);
        (from.chunk().0..=to.chunk().0).map(move |chunk| Span {
            first: from.max(SeatNumber(chunk * SEATS_PER_CHUNK + 1)),
            last: to.min(SeatNumber((chunk + 1) * SEATS_PER_CHUNK)),
        })
    }
}

/// The seats of a concert, as blocks. A layout never changes once the concert is created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Layout {
    blocks: Vec<Block>,
}

/// Why a layout is not valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidLayout {
    /// The block at fault, counted from 0; `None` for the list as a whole.
    pub index: Option<usize>,
    /// What is wrong, in words for the client.
    pub detail: &'static str,
}

impl Layout {
    /// The most seats that a concert may have.
    pub const MAX_SEATS: u32 = 100_000;
    /// The most blocks.
    pub const MAX_BLOCKS: usize = 200;

    /// Checks that blocks are not empty, do not overlap and stay within the limits, and sorts them by seat.
    ///
    /// # Errors
    /// The first fault that is found.
    pub fn new(blocks: Vec<Block>) -> Result<Self, InvalidLayout> {
        let fault = |index, detail| Err(InvalidLayout { index, detail });
        if blocks.is_empty() || blocks.len() > Self::MAX_BLOCKS {
            return fault(None, "must have 1 to 200 blocks");
        }
        let mut order: Vec<usize> = (0..blocks.len()).collect();
        order.sort_by_key(|&i| blocks[i].from);
        let mut last = 0;
        for index in order {
            let block = &blocks[index];
            if block.to < block.from {
                return fault(Some(index), "ends before it starts");
            }
            if block.from.0 <= last {
                return fault(Some(index), "overlaps another block");
            }
            if block.to.0 > Self::MAX_SEATS {
                return fault(Some(index), "seat numbers end at 100000");
            }
            if block.price > Amount::MAX_PRICE {
                return fault(Some(index), "a seat costs 125000000000 at most");
            }
            last = block.to.0;
        }
        let mut blocks = blocks;
        blocks.sort_by_key(|b| b.from);
        Ok(Layout { blocks })
    }

    /// The layout of a concert that is created without blocks: seats 1 to 50, section `A`, STANDARD, 50000 each.
    pub fn standard() -> Self {
        Layout {
            blocks: vec![Block {
                section: "A".to_owned(),
                from: SeatNumber(1),
                to: SeatNumber(50),
                seat_type: "STANDARD".to_owned(),
                price: Amount::new(50_000),
            }],
        }
    }

    /// The blocks, by seat.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// How many seats there are.
    pub fn seats_total(&self) -> u32 {
        self.blocks.iter().map(Block::seats_total).sum()
    }

    /// The block of a seat; `None` for a number that the layout lacks.
    pub fn block_of(&self, seat: SeatNumber) -> Option<&Block> {
        self.blocks.iter().find(|b| b.from <= seat && seat <= b.to)
    }

    /// The price of each seat, in the order asked for.
    ///
    /// # Errors
    /// [`Refusal::SeatNotFound`] with the first seat that the layout lacks.
    pub fn prices(&self, seats: &[SeatNumber]) -> Result<Vec<Amount>, Refusal> {
        let price = |seat| self.block_of(seat).map(|block| block.price).ok_or(Refusal::SeatNotFound(seat));
        seats.iter().copied().map(price).collect()
    }

    /// Whether any block is in this section.
    pub fn has_section(&self, section: &str) -> bool {
        self.blocks.iter().any(|b| b.section == section)
    }

    /// The seats with numbers above `after`, each with its block, in ascending order; of one section or of all.
    pub fn seats<'a>(
        &'a self,
        section: Option<&'a str>,
        after: Option<SeatNumber>,
    ) -> impl Iterator<Item = (SeatNumber, &'a Block)> {
        let first = after.map_or(1, |seat| seat.0.saturating_add(1));
        self.blocks
            .iter()
            .filter(move |b| section.is_none_or(|s| s == b.section))
            .flat_map(move |b| (b.from.0.max(first)..=b.to.0).map(move |n| (SeatNumber(n), b)))
    }

    /// The chunks that the seats are in, each once, in ascending order.
    pub fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> =
            self.blocks.iter().flat_map(|b| (b.from.chunk().0..=b.to.chunk().0).map(Chunk)).collect();
        chunks.dedup();
        chunks
    }

    /// The lowest and the highest price.
    pub fn price_range(&self) -> PriceRange {
        let prices = || self.blocks.iter().map(|block| block.price);
        // A layout has at least one block.
        PriceRange { price_from: prices().min().unwrap_or_default(), price_to: prices().max().unwrap_or_default() }
    }

    /// What the counts of these seats depend on.
    pub fn seating(&self) -> Seating {
        let sole_chunk = match self.chunks()[..] {
            [chunk] => Some(chunk),
            _ => None,
        };
        Seating { seats_total: self.seats_total(), sole_chunk }
    }
}

/// The prices of a layout. A copy of them stands in the concert, so that no layout is read to show them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PriceRange {
    /// The price of the cheapest seats.
    pub price_from: Amount,
    /// The price of the dearest seats.
    pub price_to: Amount,
}

/// A range of seat numbers within one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first seat.
    pub first: SeatNumber,
    /// The last seat, in the same chunk.
    pub last: SeatNumber,
}

impl Span {
    /// The spans that cover `seats`, which must ascend: one for each chunk with any of them.
    pub fn of(seats: impl IntoIterator<Item = SeatNumber>) -> Vec<Span> {
        let mut spans: Vec<Span> = Vec::new();
        for seat in seats {
            match spans.last_mut() {
                Some(span) if span.first.chunk() == seat.chunk() => span.last = seat,
                _ => spans.push(Span { first: seat, last: seat }),
            }
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block(section: &str, from: u32, to: u32) -> Block {
        Block {
            section: section.into(),
            from: SeatNumber(from),
            to: SeatNumber(to),
            seat_type: "STANDARD".into(),
            price: Amount::new(1),
        }
    }

    proptest! {
        #[test]
        fn every_seat_is_listed_once_and_lies_in_a_listed_chunk(sizes in prop::collection::vec((0u32..700, 1u32..700), 1..8)) {
            let (mut blocks, mut next) = (Vec::new(), 1);
            for (gap, size) in sizes {
                blocks.push(block("A", next + gap, next + gap + size - 1));
                next += gap + size;
            }
            blocks.reverse();
            let layout = Layout::new(blocks).unwrap();
            let seats: Vec<SeatNumber> = layout.seats(None, None).map(|(seat, _)| seat).collect();
            prop_assert!(seats.is_sorted() && seats.len() == layout.seats_total() as usize);
            let chunks = layout.chunks();
            prop_assert!(chunks.windows(2).all(|w| w[0] < w[1]));
            prop_assert!(seats.iter().all(|s| chunks.contains(&s.chunk()) && layout.block_of(*s).is_some()));
            for (index, seat) in seats.iter().enumerate().step_by(997) {
                let behind: Vec<SeatNumber> = layout.seats(Some("A"), Some(*seat)).map(|(seat, _)| seat).collect();
                prop_assert_eq!(&behind, &seats[index + 1..]);
            }
            prop_assert_eq!(layout.seats(Some("B"), None).count(), 0);
            let spans = Span::of(seats.iter().copied());
            prop_assert!(spans.iter().all(|span| span.first.chunk() == span.last.chunk() && span.first <= span.last));
            prop_assert_eq!(spans.iter().map(|span| span.first.chunk()).collect::<Vec<_>>(), chunks);
            prop_assert!(seats.iter().all(|s| spans.iter().any(|span| span.first <= *s && *s <= span.last)));
        }
    }

    #[test]
    fn invalid_layouts_are_refused() {
        assert!(Layout::new(vec![]).is_err());
        assert_eq!(Layout::new(vec![block("A", 1, 9), block("B", 9, 12)]).unwrap_err().index, Some(1));
        assert_eq!(Layout::new(vec![block("A", 5, 4)]).unwrap_err().index, Some(0));
        assert!(Layout::new(vec![block("A", 1, 100_001)]).is_err());
        assert!(Layout::new(vec![block("A", 1, 100_000)]).is_ok());
    }

    #[test]
    fn chunks_are_256_seats() {
        assert_eq!(SeatNumber(256).chunk(), Chunk(0));
        assert_eq!(SeatNumber(257).chunk(), Chunk(1));
    }
}
