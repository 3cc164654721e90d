//! Leaving a draw and coming back: a fan has one lot, however often he comes and goes.
//!
//! Leaving puts a VOID at the fan's number in the same transaction that marks the ticket, and coming back takes it away in
//! the transaction that unmarks the ticket. Once places are known, each VOID becomes a tombstone. It is marked first: a
//! lot that was taken back meanwhile must not get a tombstone, and one that has a tombstone must not be taken back.

/// What a fan's ticket says of its lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Lot {
    /// Grows each time that the fan leaves or comes back.
    pub version: u32,
    /// Whether the fan left.
    pub left: bool,
}

/// A lot that its fan left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Void {
    /// Whether it becomes a tombstone, for good.
    pub marked: bool,
}

/// What to do with a VOID whose place is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Burial {
    /// Mark it, if it is there and unmarked, and look again.
    Mark(Void),
    /// Put the tombstone: who marked the VOID may have been cut off before.
    Entomb,
    /// The fan came back and took the lot.
    Nothing,
}

impl Lot {
    /// The lot after its fan left: the transaction also puts a [`Void`]. `None` if the ticket is not as it was read, or the
    /// fan has left already.
    pub fn leave(self, seen: u32) -> Option<Self> {
        (self.version == seen && !self.left).then_some(Lot { version: seen + 1, left: true })
    }

    /// The lot after its fan came back: the transaction also deletes the VOID, as it was `found`. `None` if the ticket is not
    /// as it was read, or the lot is lost: then the fan puts the tombstone and draws a new number.
    pub fn come_back(self, seen: u32, found: Option<Void>) -> Option<Self> {
        let mine = self.version == seen && self.left && found.is_some_and(|void| !void.marked);
        mine.then_some(Lot { version: seen + 1, left: false })
    }
}

impl Void {
    /// What to do with a VOID as it was found, for a sequencer and for a fan who leaves alike.
    pub fn bury(found: Option<Self>) -> Burial {
        match found {
            None => Burial::Nothing,
            Some(Void { marked: false }) => Burial::Mark(Void { marked: true }),
            Some(Void { marked: true }) => Burial::Entomb,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lot_is_left_and_taken_back_until_its_void_is_marked() {
        let left = Lot::default().leave(0).unwrap();
        assert_eq!((left.leave(1), Lot::default().leave(1)), (None, None));
        assert_eq!(left.come_back(1, Some(Void::default())), Some(Lot { version: 2, left: false }));
        assert_eq!(left.come_back(0, Some(Void::default())), None, "another request came first");
        let Burial::Mark(marked) = Void::bury(Some(Void::default())) else {
            panic!("an unmarked VOID is marked first")
        };
        assert_eq!((left.come_back(1, Some(marked)), left.come_back(1, None)), (None, None));
        assert_eq!((Void::bury(Some(marked)), Void::bury(None)), (Burial::Entomb, Burial::Nothing));
    }
}
