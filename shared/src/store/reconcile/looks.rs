//! The second look at a suspect, by consistent reads.

use super::{
    super::{
        Store, StoreError, counts,
        item_kind::ItemKind,
        keys::{self, Key, Table},
        request::{self, s},
    },
    cursor::Suspect,
    subject::Subject,
};
use crate::domain::{concert::SeatCount, reconcile::Difference};

/// What a second look shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// The same difference.
    Same,
    /// No difference, or another one: the next round finds that.
    Gone,
    /// A writer was in between: look again later.
    Unclear,
}

impl Store {
    /// Looks again at a suspect.
    pub(super) async fn second_look(&self, suspect: &Suspect) -> Result<Look, StoreError> {
        let key = suspect.key();
        if matches!(ItemKind::of(&key.pk, &key.sk), ItemKind::SeatCount | ItemKind::SeatSum) {
            let found = self.count_difference(&key, true).await?;
            // One that was counted again was late.
            let same = found == Some((suspect.difference, suspect.version));
            return Ok(if same { Look::Same } else { Look::Gone });
        }
        let Some(item) = self.get_item(&key, true).await? else { return Ok(Look::Gone) };
        let differences = match Subject::read(&key, &item) {
            Err(_) => vec![Difference::Unreadable],
            Ok(subject) => {
                let mut all = subject.others();
                all.push(key.clone());
                let Some(loaded) = self.snapshot(&all).await? else { return Ok(Look::Unclear) };
                if loaded.get(&key) != Some(&item) {
                    return Ok(Look::Unclear);
                }
                subject.differences(&loaded, self.now())
            }
        };
        Ok(if differences.contains(&suspect.difference) { Look::Same } else { Look::Gone })
    }

    /// Compares the count of a chunk with its seats, or the sum of a concert with its counts; returns the difference and
    /// the version that it has. The count is read last: if it is of the same version as at the first look, nothing was
    /// counted between the seats and it.
    pub(super) async fn count_difference(
        &self,
        key: &Key,
        consistent: bool,
    ) -> Result<Option<(Difference, Option<u64>)>, StoreError> {
        let unreadable = Ok(Some((Difference::Unreadable, None)));
        let Some(id) = keys::concert_of(&key.pk) else { return unreadable };
        let chunk = keys::chunk_of_count(&key.sk);
        let counted = match chunk {
            Some(chunk) => {
                let query = self
                    .query(Table::Concerts, &keys::chunk_partition(id, chunk))
                    .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
                    .expression_attribute_values(":prefix", s(keys::SEAT_PREFIX))
                    .consistent_read(consistent);
                self.all_pages(query).await?
            }
            None => self.counts_of(id, consistent).await?,
        };
        let Some(item) = self.get_item(key, consistent).await? else { return Ok(None) };
        let Ok(count) = request::parse::<SeatCount>(item.clone()) else { return unreadable };
        let fits = match chunk {
            // A seat that cannot be read is a difference of its own.
            Some(_) => {
                let seats: Vec<_> = counted.into_iter().filter_map(|seat| request::parse(seat).ok()).collect();
                counts::counts(item, &seats)
            }
            None => counts::added_up(counted)
                .map(|sum| (sum.sold, sum.held, sum.version) == (count.sold, count.held, count.version)),
        };
        match fits {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some((Difference::StaleCount, Some(count.version)))),
            Err(_) => unreadable,
        }
    }
}
