//! A broker alone on the real kernel: what it answers to its controllers and asks of them. Everybody else
//! is a peer that says what the test tells it to say (Z4, Z5, Z8, CT27, CT28, CT32, A3, A5, LK6, LK11, CP55).

mod alter_partition;
mod delete_records;
mod fetchers;
mod producer_ids;
mod state_changes;
mod world;
