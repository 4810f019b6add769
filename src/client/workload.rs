//! Workloads: which records a producer's application makes, and when.
//!
//! A workload is the world outside the process (a truck drives on while its computer is down), so
//! its state outlives a crash. Integer arithmetic only; every truck drives by a random stream of its
//! own, so that what happens on the network moves no truck.

use crate::kernel::{Duration, Stream};
use crate::serialization::{Double, Value};
use bytes::Bytes;
use std::fmt::{self, Write};

/// The records of one producer, and their pace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Workload {
    /// That the application names for each record.
    pub partition: Option<i32>,
    pub key: KeyTemplate,
    pub value: ValueTemplate,
    pub timestamp: TimestampTemplate,
    pub pace: Pace,
    /// Time from the start of the process to the first record.
    pub start_after: Duration,
    /// Time from the start of the process after which no record is made.
    pub stop_after: Option<Duration>,
    /// No more records than this, over all lives of the process.
    pub limit: Option<u64>,
    /// The application calls `flush` whenever it has made so many more.
    pub flush: Option<u64>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyTemplate {
    None,
    Constant(String),
    /// `key-1` to `key-<n>` in turn.
    Cycle(u32),
    Whole(i64),
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ValueTemplate {
    /// No value: a tombstone.
    None,
    /// JSON: truck, number, time in ms, latitude and longitude in degrees, moving along streets.
    Position {
        truck: String,
    },
    /// One field of such a position.
    Field {
        truck: String,
        field: PositionField,
    },
    Text(String),
    /// The record's number.
    Counter,
    /// So many bytes.
    Bytes(u32),
}

/// A part of a truck's position.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PositionField {
    Truck,
    Number,
    Time,
    Latitude,
    Longitude,
}

/// A record as the application has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Objects {
    pub key: Object,
    pub value: Object,
}

/// An object, and the text that the application makes of it where it serializes by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Object {
    pub value: Value,
    pub text: Option<Bytes>,
}

/// The timestamp that the application gives a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimestampTemplate {
    /// The producer's clock and so many milliseconds.
    Clock { ahead_ms: i64 },
    /// The producer's clock in seconds: the application has the unit wrong.
    Seconds,
    /// In microseconds.
    Microseconds,
    /// The same every time.
    Fixed(i64),
}

impl TimestampTemplate {
    /// Of a record that is made at `now_ms`; none if the application leaves it to the library. No clock makes it
    /// negative: Java's record refuses that.
    pub fn at(self, now_ms: i64) -> Option<i64> {
        let timestamp_ms = match self {
            TimestampTemplate::Clock { ahead_ms: 0 } => return None,
            TimestampTemplate::Clock { ahead_ms } => now_ms.saturating_add(ahead_ms),
            TimestampTemplate::Seconds => now_ms / 1_000,
            TimestampTemplate::Microseconds => now_ms.saturating_mul(1_000),
            TimestampTemplate::Fixed(timestamp_ms) => timestamp_ms,
        };
        Some(timestamp_ms.max(0))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pace {
    /// One record at each multiple of this, counted from the first. What falls into a time in which
    /// `send` blocks is left out, but for one record right after it.
    Every(Duration),
    /// As fast as records are answered, with so many on the way.
    AsFastAsAcknowledged { in_flight: u32 },
}

/// Makes a workload's records, one after the other.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Number of the last record.
    number: u64,
    seed: Option<u64>,
    truck: Option<Truck>,
}

impl Source {
    /// Records made so far; also the number of the last one.
    pub fn made(&self) -> u64 {
        self.number
    }

    /// Takes the seed of the truck's stream, unless it has one.
    pub fn seed_once(&mut self, seed: impl FnOnce() -> u64) {
        self.seed.get_or_insert_with(seed);
    }

    /// Number, key and value of the next record of the producer `name`, made at `now_ms` (milliseconds
    /// since 1970).
    pub fn next(
        &mut self,
        workload: &Workload,
        name: &str,
        now_ms: i64,
    ) -> (u64, Option<Bytes>, Option<Bytes>) {
        self.number += 1;
        if let ValueTemplate::Position { .. } | ValueTemplate::Field { .. } = workload.value {
            self.drive(name, now_ms);
        }
        let (key, value) = self.written(workload, self.number);
        (self.number, key, value)
    }

    /// Key and value of a record that was made, written where the truck is now.
    pub fn again(
        &self,
        workload: &Workload,
        number: u64,
    ) -> Option<(Option<Bytes>, Option<Bytes>)> {
        let was_made = (1..=self.number).contains(&number);
        was_made.then(|| self.written(workload, number))
    }

    fn written(&self, workload: &Workload, number: u64) -> (Option<Bytes>, Option<Bytes>) {
        let key = match &workload.key {
            KeyTemplate::None => None,
            KeyTemplate::Constant(text) => Some(Bytes::copy_from_slice(text.as_bytes())),
            KeyTemplate::Cycle(length) => {
                Some(format!("key-{}", (number - 1) % u64::from((*length).max(1)) + 1).into())
            }
            KeyTemplate::Whole(number) => Some(number.to_string().into()),
        };
        let truck = || self.truck.as_ref();
        let value = match &workload.value {
            ValueTemplate::None => return (key, None),
            ValueTemplate::Position { truck: id } => {
                let (latitude, longitude) = truck().map_or((0, 0), Truck::position);
                let now_ms = truck().map_or(0, |it| it.at_ms);
                let mut text = String::with_capacity(96);
                // Writing to a String cannot fail.
                let _ = write!(
                    text,
                    "{{\"truck\":{},\"number\":{number},\"time\":{now_ms},\"latitude\":{},\"longitude\":{}}}",
                    json_string(id),
                    Degrees(latitude),
                    Degrees(longitude)
                );
                text.into()
            }
            ValueTemplate::Field { truck: id, field } => {
                let (latitude, longitude) = truck().map_or((0, 0), Truck::position);
                match field {
                    PositionField::Truck => Bytes::copy_from_slice(id.as_bytes()),
                    PositionField::Number => number.to_string().into(),
                    PositionField::Time => truck().map_or(0, |it| it.at_ms).to_string().into(),
                    PositionField::Latitude => Degrees(latitude).to_string().into(),
                    PositionField::Longitude => Degrees(longitude).to_string().into(),
                }
            }
            ValueTemplate::Text(text) => Bytes::copy_from_slice(text.as_bytes()),
            ValueTemplate::Counter => number.to_string().into(),
            ValueTemplate::Bytes(size) => filler(number, *size),
        };
        (key, Some(value))
    }

    /// Number and objects of the next record, as `next` has it.
    pub fn next_objects(&mut self, workload: &Workload, name: &str, now_ms: i64) -> (u64, Objects) {
        let (number, key, value) = self.next(workload, name, now_ms);
        let text_of = |bytes: &Option<Bytes>| match bytes {
            Some(bytes) => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
            None => Value::Null,
        };
        let key_value = match &workload.key {
            KeyTemplate::Whole(number) => Value::Whole(*number),
            _ => text_of(&key),
        };
        let whole = Value::Whole(number as i64);
        let position = self.truck.as_ref().map_or((0, 0), Truck::position);
        let value_value = match &workload.value {
            ValueTemplate::Position { truck } => position_record(truck, number, now_ms, position),
            ValueTemplate::Field { truck, field } => {
                let record = position_record(truck, number, now_ms, position);
                record.field(field.name()).cloned().unwrap_or(Value::Null)
            }
            ValueTemplate::Counter => whole,
            ValueTemplate::Bytes(_) => Value::Bytes(value.as_deref().unwrap_or_default().to_vec()),
            ValueTemplate::Text(_) | ValueTemplate::None => text_of(&value),
        };
        let object = |value, text| Object { value, text };
        let (key, value) = (object(key_value, key), object(value_value, value));
        (number, Objects { key, value })
    }

    fn drive(&mut self, name: &str, now_ms: i64) {
        let seed = self.seed.unwrap_or_default();
        let truck = self
            .truck
            .get_or_insert_with(|| Truck::new(Stream::named(seed, name), now_ms));
        truck.drive_until(now_ms);
    }
}

impl PositionField {
    pub const ALL: [PositionField; 5] = [
        PositionField::Truck,
        PositionField::Number,
        PositionField::Time,
        PositionField::Latitude,
        PositionField::Longitude,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            PositionField::Truck => "truck",
            PositionField::Number => "number",
            PositionField::Time => "time",
            PositionField::Latitude => "latitude",
            PositionField::Longitude => "longitude",
        }
    }
}

/// A position as an object with fields.
fn position_record(truck: &str, number: u64, time_ms: i64, (north, east): (i64, i64)) -> Value {
    let degrees = |micro: i64| {
        // A town's coordinates have nine digits at most.
        let millionths = i32::try_from(micro).unwrap_or_default();
        Value::Double(Double::from_millionths(millionths))
    };
    let field = |field: PositionField, value| (field.name().to_owned(), value);
    Value::Record(vec![
        field(PositionField::Truck, Value::Text(truck.to_owned())),
        field(PositionField::Number, Value::Whole(number as i64)),
        field(PositionField::Time, Value::Whole(time_ms)),
        field(PositionField::Latitude, degrees(north)),
        field(PositionField::Longitude, degrees(east)),
    ])
}

/// Micro-degrees, written as degrees.
struct Degrees(i64);

impl fmt::Display for Degrees {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let micro = self.0.unsigned_abs();
        write!(f, "{sign}{}.{:06}", micro / 1_000_000, micro % 1_000_000)
    }
}

fn json_string(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c < ' ' => {
                // Writing to a String cannot fail.
                let _ = write!(quoted, "\\u{:04x}", c as u32);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// `size` bytes that begin with the record's number, so that no two records are equal.
fn filler(number: u64, size: u32) -> Bytes {
    let mut bytes = vec![b'.'; size as usize];
    for (byte, digit) in bytes.iter_mut().zip(number.to_string().bytes()) {
        *byte = digit;
    }
    bytes.into()
}

/// Where the streets of the town cross, in micro-degrees: the middle, and from one crossing to the
/// next (111 m either way at this latitude).
const MIDDLE: (i64, i64) = (52_520_000, 13_405_000);
const BLOCK: (i64, i64) = (1_000, 1_644);
/// Crossings from the middle to the edge of the town.
const RADIUS: i64 = 25;
/// Metres from crossing to crossing, in millimetres.
const BLOCK_MM: i64 = 111_000;
const NORTH: usize = 0;
/// Steps north and east of each direction, clockwise.
const DIRECTIONS: [(i64, i64); 4] = [(1, 0), (0, 1), (-1, 0), (0, -1)];

/// A truck on a grid of streets: straight on, or left or right at crossings, never back unless at
/// the edge of the town.
#[derive(Clone, Debug)]
struct Truck {
    stream: Stream,
    /// The crossing behind it, in blocks north and east of the middle.
    crossing: (i64, i64),
    direction: usize,
    /// Driven since that crossing, in millimetres.
    driven_mm: i64,
    /// Millimetres a millisecond (metres a second).
    speed: i64,
    at_ms: i64,
}

impl Truck {
    fn new(mut stream: Stream, now_ms: i64) -> Truck {
        let mut coordinate = || stream.below(2 * RADIUS as u64 + 1) as i64 - RADIUS;
        let crossing = (coordinate(), coordinate());
        let speed = 8 + stream.below(7) as i64;
        let mut truck = Truck {
            stream,
            crossing,
            direction: NORTH,
            driven_mm: 0,
            speed,
            at_ms: now_ms,
        };
        truck.turn();
        truck
    }

    fn drive_until(&mut self, now_ms: i64) {
        // A clock that was set back, or far forward, moves no truck through the whole town.
        let elapsed = now_ms.saturating_sub(self.at_ms).clamp(0, 3_600_000);
        self.at_ms = now_ms;
        self.driven_mm += elapsed * self.speed;
        while self.driven_mm >= BLOCK_MM {
            self.driven_mm -= BLOCK_MM;
            let (north, east) = DIRECTIONS[self.direction];
            self.crossing.0 += north;
            self.crossing.1 += east;
            self.turn();
        }
    }

    /// At a crossing: half of the time straight on, if the town goes on there.
    fn turn(&mut self) {
        let turn = match self.stream.below(4) {
            0 => 1,
            1 => 3,
            _ => 0,
        };
        let wanted = (self.direction + turn) % 4;
        let tries = [wanted, self.direction, wanted + 2, self.direction + 2];
        let leads_on = |direction: usize| {
            let (north, east) = DIRECTIONS[direction % 4];
            (self.crossing.0 + north).abs() <= RADIUS && (self.crossing.1 + east).abs() <= RADIUS
        };
        if let Some(direction) = tries.into_iter().find(|direction| leads_on(*direction)) {
            self.direction = direction % 4;
        }
    }

    /// Latitude and longitude in micro-degrees.
    fn position(&self) -> (i64, i64) {
        let (north, east) = DIRECTIONS[self.direction];
        let along = |middle: i64, block: i64, crossing: i64, step: i64| {
            middle + crossing * block + step * block * self.driven_mm / BLOCK_MM
        };
        (
            along(MIDDLE.0, BLOCK.0, self.crossing.0, north),
            along(MIDDLE.1, BLOCK.1, self.crossing.1, east),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(key: KeyTemplate, value: ValueTemplate) -> Workload {
        Workload {
            partition: None,
            key,
            value,
            timestamp: TimestampTemplate::Clock { ahead_ms: 0 },
            pace: Pace::Every(Duration::from_secs(1)),
            start_after: Duration::ZERO,
            stop_after: None,
            limit: None,
            flush: None,
        }
    }

    fn positions(seed: u64, times: impl Iterator<Item = i64>) -> Vec<(i64, i64)> {
        let workload = workload(
            KeyTemplate::Constant("truck-7".into()),
            ValueTemplate::Position {
                truck: "truck-7".into(),
            },
        );
        let mut source = Source::default();
        source.seed_once(|| seed);
        times
            .map(|now_ms| {
                let (_, _, value) = source.next(&workload, "truck-7", now_ms);
                let text = String::from_utf8(value.unwrap().to_vec()).unwrap();
                let value: serde_json::Value = serde_json::from_str(&text).unwrap();
                // Six digits behind the point.
                let micro = |key: &str| -> i64 {
                    let (_, rest) = text.split_once(&format!("\"{key}\":")).unwrap();
                    let digits = rest.split([',', '}']).next().unwrap();
                    digits.replace('.', "").parse().unwrap()
                };
                assert!(value["latitude"].is_f64());
                assert_eq!(value["truck"], "truck-7");
                assert_eq!(value["number"], source.made());
                (micro("latitude"), micro("longitude"))
            })
            .collect()
    }

    #[test]
    fn a_truck_stays_on_the_streets_of_its_town_and_moves_at_a_steady_pace() {
        let path = positions(3, (0..2_000).map(|s| s * 1_000));
        for (latitude, longitude) in &path {
            let on_street_east = (latitude - MIDDLE.0) % BLOCK.0 == 0;
            let on_street_north = (longitude - MIDDLE.1) % BLOCK.1 == 0;
            assert!(on_street_east || on_street_north);
            assert!((latitude - MIDDLE.0).abs() <= RADIUS * BLOCK.0);
            assert!((longitude - MIDDLE.1).abs() <= RADIUS * BLOCK.1);
        }
        for pair in path.windows(2) {
            let north = (pair[1].0 - pair[0].0).abs() * 111;
            let east = (pair[1].1 - pair[0].1).abs() * 111_000 / BLOCK.1;
            assert!((1_000..=30_000).contains(&(north + east)), "{pair:?}");
        }
        let crossings: std::collections::BTreeSet<_> = path
            .iter()
            .map(|(a, b)| ((a - MIDDLE.0) / BLOCK.0, (b - MIDDLE.1) / BLOCK.1))
            .collect();
        assert!(crossings.len() > 50, "it goes around: {}", crossings.len());
    }

    #[test]
    fn where_a_truck_is_depends_on_its_seed_and_the_time_alone() {
        let often = positions(3, (0..600).map(|s| s * 1_000));
        let rarely = positions(3, (0..60).map(|s| s * 10_000));
        let thinned: Vec<_> = often.iter().copied().step_by(10).collect();
        assert_eq!(thinned, rarely);
        assert_ne!(often, positions(4, (0..600).map(|s| s * 1_000)));
    }

    #[test]
    fn any_name_gives_json() {
        let name = "a \"lorry\" \\ \u{1}\u{e9}";
        let truck = name.to_owned();
        let workload = workload(KeyTemplate::None, ValueTemplate::Position { truck });
        let (_, _, value) = Source::default().next(&workload, "p", 0);
        let value: serde_json::Value = serde_json::from_slice(&value.unwrap()).unwrap();
        assert_eq!(value["truck"], name);
    }

    #[test]
    fn keys_and_values_follow_their_templates() {
        let mut source = Source::default();
        let mut next = |key, value| {
            let workload = workload(key, value);
            let (number, key, value) = source.next(&workload, "truck-1", 0);
            let text = |bytes: Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            (number, key.map(text), value.map(text))
        };
        assert_eq!(
            next(KeyTemplate::Cycle(9), ValueTemplate::Counter),
            (1, Some("key-1".into()), Some("1".into()))
        );
        assert_eq!(
            next(KeyTemplate::None, ValueTemplate::Text("hello".into())),
            (2, None, Some("hello".into()))
        );
        assert_eq!(
            next(KeyTemplate::Constant("k".into()), ValueTemplate::Bytes(4)),
            (3, Some("k".into()), Some("3...".into()))
        );
        assert_eq!(
            next(KeyTemplate::Constant("k".into()), ValueTemplate::None),
            (4, Some("k".into()), None)
        );
        assert_eq!(Degrees(-1_500_002).to_string(), "-1.500002");
        assert_eq!(Degrees(48_000_001).to_string(), "48.000001");
    }

    #[test]
    fn a_timestamp_is_the_clocks_unless_the_application_says_otherwise() {
        let now_ms = 1_795_330_000_123;
        let clock = TimestampTemplate::Clock { ahead_ms: 0 };
        assert_eq!(clock.at(now_ms), None, "its library's");
        for (template, timestamp) in [
            (TimestampTemplate::Clock { ahead_ms: -23 }, now_ms - 23),
            (TimestampTemplate::Clock { ahead_ms: i64::MIN }, 0),
            (TimestampTemplate::Seconds, 1_795_330_000),
            (TimestampTemplate::Microseconds, 1_795_330_000_123_000),
            (TimestampTemplate::Fixed(7), 7),
        ] {
            assert_eq!(template.at(now_ms), Some(timestamp), "{template:?}");
        }
    }

    #[test]
    fn a_filler_has_its_size_and_begins_with_the_records_number() {
        assert_eq!(filler(12, 5), "12...".as_bytes());
        assert_eq!(filler(1234, 3), "123".as_bytes());
        assert!(filler(1, 0).is_empty());
    }
}
