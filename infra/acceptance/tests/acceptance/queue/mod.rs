//! Queues: joining, waiting, admission, sessions, settings.

mod deleting_queues;
mod fences;
mod joining;
mod last_hour;
mod leaving;
mod passing;
mod places;
mod promotion;
mod queue_clock;
mod queue_office;
mod queues;
mod random_queue;
mod sequencer;
mod shown_to_fans;
mod sleep;
mod sold_out;
mod wide_lines;
