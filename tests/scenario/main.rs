//! Scenarios from outside: what is refused and how it is said, plans written and read back, the command
//! line.

mod any_clients;
mod any_predictions;
mod bad_inputs;
mod bad_lines;
mod bad_recordings;
mod book;
mod breaker;
mod class;
mod command_line;
mod compare;
mod disk_faults;
mod follow;
mod predict;
mod presentation;
mod reports;
mod round_trip;
mod schema;
mod shells;
mod spot;
mod tell;
mod told;
mod tour;
mod transactions;
mod users;
