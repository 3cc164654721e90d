//! Layouts: compressed, since a transaction pays for each kilobyte, and never changed, so that an environment reads each
//! once.

use super::{
    Failure, Store, StoreError, keys,
    keys::Table,
    request::{Item, s},
    transact_parts::transact_item,
};
use crate::domain::{
    concert::{Concert, ConcertWithLayout},
    id::ConcertId,
    layout::Layout,
    time::Timestamp,
};
use aws_sdk_dynamodb::{
    primitives::Blob,
    types::{AttributeValue, TransactWriteItem},
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use std::{
    io::{self, Read, Write},
    sync::Arc,
};

/// The attribute with the layout: JSON, compressed with gzip.
const ATTRIBUTE: &str = "layout";

fn compressed(layout: &Layout) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&serde_json::to_vec(layout)?)?;
    encoder.finish()
}

fn decompressed(bytes: &[u8]) -> io::Result<Layout> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

impl Store {
    /// Reads a concert, at most 250 ms old, with its layout.
    ///
    /// # Errors
    /// [`crate::domain::refusal::Refusal::ConcertNotFound`].
    pub async fn concert_with_layout(&self, id: ConcertId) -> Result<ConcertWithLayout, Failure> {
        let concert = self.concert(id).await?;
        let layout = self.layout(&concert).await?;
        Ok(ConcertWithLayout { concert, layout })
    }

    /// Returns the layout of a concert, from memory if this environment has read it before.
    pub(crate) async fn layout(&self, concert: &Concert) -> Result<Arc<Layout>, StoreError> {
        let (id, number) = (concert.concert_id, concert.layout);
        if let Some(layout) = self.layouts.get(&(id, number), Timestamp::default(), i64::MAX) {
            return Ok(layout);
        }
        let key = keys::layout(id, number);
        let mut item = self.get_item(&key, false).await?;
        if item.is_none() {
            // An eventually consistent read may miss a new layout.
            item = self.get_item(&key, true).await?;
        }
        let Some(AttributeValue::B(bytes)) = item.as_ref().and_then(|item| item.get(ATTRIBUTE)) else {
            return Err(StoreError::Internal { what: "a concert without a layout".to_owned(), source: None });
        };
        let layout = decompressed(bytes.as_ref()).map_err(|e| StoreError::internal("layout", e))?;
        let layout = Arc::new(layout);
        self.layouts.put((id, number), layout.clone(), Timestamp::default());
        Ok(layout)
    }

    /// The write that puts the layout of a new concert.
    pub(crate) fn layout_write(&self, concert: &Concert, layout: &Layout) -> Result<TransactWriteItem, StoreError> {
        let bytes = compressed(layout).map_err(|e| StoreError::internal("layout", e))?;
        let key = keys::layout(concert.concert_id, concert.layout);
        let item = Item::from([
            ("pk".to_owned(), s(&key.pk)),
            ("sk".to_owned(), s(&key.sk)),
            (ATTRIBUTE.to_owned(), AttributeValue::B(Blob::new(bytes))),
        ]);
        transact_item(self.transact_put(Table::Concerts, item))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        amount::Amount,
        layout::{Block, SeatNumber},
    };

    /// The most bytes that the largest compressed layout may have; an item of DynamoDB has at most 400 KB.
    const MAX_BYTES: usize = 300 * 1024;

    /// A text of 32 characters that compresses badly, of four bytes each.
    fn label(block: u32, salt: u32) -> String {
        let character = |n: u32| {
            let scrambled = (block * 64 + n + salt).wrapping_mul(2_654_435_761);
            char::from_u32(0x1_f300 + scrambled % 0x300).unwrap_or('x')
        };
        (0..32).map(character).collect()
    }

    #[test]
    fn the_largest_layout_fits_and_is_read_as_it_was_written() {
        let seat = |number| SeatNumber::new(number).expect("a seat");
        let block = |n: u32| Block {
            section: label(n, 0),
            from: seat(n * 500 + 1),
            to: seat(n * 500 + 499),
            seat_type: label(n, 7_777),
            price: Amount::new(124_999_999_999 - u64::from(n.wrapping_mul(2_654_435_761))),
        };
        let blocks = u32::try_from(Layout::MAX_BLOCKS).expect("few");
        let layout = Layout::new((0..blocks).map(block).collect()).expect("a layout");
        let bytes = compressed(&layout).expect("compressed");
        assert!(bytes.len() < MAX_BYTES, "{} bytes", bytes.len());
        assert_eq!(decompressed(&bytes).expect("a layout"), layout);
    }
}
