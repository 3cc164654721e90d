//! Concerts, seat maps, holds, and what becomes of them.

mod availability;
mod cancel;
mod concerts;
mod dates;
mod expiry;
mod hold_limits;
mod holds;
mod hot_holds;
mod listing;
mod random_sales;
mod reservation_fields;
mod seat_map;
mod selling;
mod sessions_of_holds;
mod zones;
