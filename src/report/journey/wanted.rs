//! How a record is named on the command line.

use crate::protocol::{RecordId, TopicPartition};
use std::rc::Rc;

/// Which record is to be followed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// `truck-1#5`: number 5 of this producer, or of the application whose producer it is.
    Record(RecordId),
    /// `key=truck 7`: the first with this key.
    Key(String),
    /// `t-0@17`: what was acknowledged last at this offset, else what lies there at the end.
    At(TopicPartition, i64),
}

impl Wanted {
    /// How it is written.
    pub const EXPECTED: &'static str = "a record such as trucks-1#5 (producer and number), key=truck 7 or t-0@17 (partition and offset)";

    pub fn parse(text: &str) -> Option<Wanted> {
        if let Some(key) = text.strip_prefix("key=") {
            return (!key.is_empty()).then(|| Wanted::Key(key.to_owned()));
        }
        if let Some((producer, number)) = text.rsplit_once('#') {
            let number = number.parse().ok()?;
            let producer = Rc::from(producer);
            return Some(Wanted::Record(RecordId { producer, number }));
        }
        let (partition, offset) = text.rsplit_once('@')?;
        let (topic, number) = partition.rsplit_once('-')?;
        let partition = TopicPartition::new(topic, number.parse().ok()?);
        Some(Wanted::At(partition, offset.parse().ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_named_in_three_ways() {
        let record = |producer: &str, number| {
            Some(Wanted::Record(RecordId {
                producer: producer.into(),
                number,
            }))
        };
        assert_eq!(Wanted::parse("trucks-1#5"), record("trucks-1", 5));
        assert_eq!(
            Wanted::parse("key=truck 7"),
            Some(Wanted::Key("truck 7".into()))
        );
        let at = Wanted::At(TopicPartition::new("a-b", 0), 17);
        assert_eq!(Wanted::parse("a-b-0@17"), Some(at));
        for wrong in ["", "truck", "truck#x", "key=", "t@1", "t-x@1", "t-0@"] {
            assert_eq!(Wanted::parse(wrong), None, "{wrong}");
        }
    }
}
