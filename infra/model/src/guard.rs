//! The guards of a line: the conditions that keep it right. The model can leave each of them out.

/// A condition of the algorithm, with what goes wrong without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guard {
    /// A shard is cut only from the interval that the cut is for.
    CutOnce,
    /// Shard 0 is cut only once the interval before has its record.
    CutAfterRecord,
    /// Shard 0 is cut before the others.
    FirstShardFirst,
    /// The shards of an interval are those that shard 0 says it had, not those that it has now.
    WidthBefore,
    /// A shard is opened only if it is closed since an earlier interval, or was never there.
    OpenOnce,
    /// A shard that is closed takes no joins.
    ClosedTakesNoJoins,
    /// A shard that was never opened takes no joins.
    AbsentTakesNoJoins,
    /// A cut of shard 0 removes its offset.
    CutRemovesOffset,
    /// An offset is set only in the interval that it was computed for.
    OffsetInItsInterval,
    /// An offset is computed only from the record of the interval before.
    OffsetAfterRecord,
    /// The line is written only as the next version of what was read.
    LineInOrder,
    /// A number that is given up gets its VOID before anybody looks for its place.
    VoidBeforeLook,
    /// The line says that the places of an interval are known only after its VOIDs became tombstones.
    BuryBeforeRecordCounts,
    /// The same for the places that are known by an offset.
    BuryBeforeOffsetCounts,
    /// The VOIDs are read only after the offset was set.
    BuryAfterOffset,
    /// Promotion looks at the places of an offset only once the line says that they are known.
    PromoteByLine,
    /// Promotion never passes what is known.
    PromoteKnown,
    /// A fan gets a token with the place only for the number that is in the fan's ticket.
    HandOverByTicket,
    /// A fan whose leaving was cut off gives up the old number before drawing a new one.
    FinishLeaving,
    /// A VOID of a draw is marked before it becomes a tombstone.
    MarkBeforeTombstone,
    /// A lot whose VOID is marked is not taken back.
    MarkedIsLost,
    /// A VOID that somebody else marked becomes a tombstone all the same.
    BuryMarked,
    /// A draw is cut at its opening, not before.
    DrawAtOpening,
}
