//! What a registry asks of a new version of a schema.

use super::{Schema, avro, protobuf};
use std::fmt;

/// Who must be able to read whose messages (Confluent's compatibility levels).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Compatibility {
    /// Nobody.
    None,
    /// Readers with the new schema read what was written by the last: readers are changed first.
    #[default]
    Backward,
    /// Readers with the last schema read what is written by the new: writers are changed first.
    Forward,
    /// Both.
    Full,
    /// As without `transitive`, and with all versions before the last too.
    BackwardTransitive,
    ForwardTransitive,
    FullTransitive,
}

/// Two versions that do not go together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Incompatible {
    /// Number of the older version.
    pub version: u32,
    /// The older version writes and the new one reads; else the other way round.
    pub new_reads: bool,
    pub why: String,
}

impl fmt::Display for Incompatible {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, why) = (self.version, &self.why);
        match self.new_reads {
            true => write!(f, "it cannot read what version {version} wrote: {why}"),
            false => write!(f, "version {version} cannot read what it writes: {why}"),
        }
    }
}

impl Compatibility {
    pub const NAMES: [(&str, Compatibility); 7] = [
        ("none", Compatibility::None),
        ("backward", Compatibility::Backward),
        ("forward", Compatibility::Forward),
        ("full", Compatibility::Full),
        ("backward_transitive", Compatibility::BackwardTransitive),
        ("forward_transitive", Compatibility::ForwardTransitive),
        ("full_transitive", Compatibility::FullTransitive),
    ];

    pub fn parse(name: &str) -> Option<Compatibility> {
        let is = |(known, _): &&(&str, Compatibility)| known.eq_ignore_ascii_case(name.trim());
        Compatibility::NAMES
            .iter()
            .find(is)
            .map(|(_, level)| *level)
    }

    /// Whether `new` may follow these versions, oldest first, with their numbers.
    pub fn check(self, new: &Schema, versions: &[(u32, &Schema)]) -> Result<(), Incompatible> {
        let (new_reads, old_reads, is_transitive) = match self {
            Compatibility::None => return Ok(()),
            Compatibility::Backward => (true, false, false),
            Compatibility::Forward => (false, true, false),
            Compatibility::Full => (true, true, false),
            Compatibility::BackwardTransitive => (true, false, true),
            Compatibility::ForwardTransitive => (false, true, true),
            Compatibility::FullTransitive => (true, true, true),
        };
        let last = versions.len().saturating_sub(1);
        let looked_at = if is_transitive {
            versions
        } else {
            &versions[last..]
        };
        for (version, old) in looked_at.iter().rev() {
            let incompatible = |new_reads: bool| {
                move |why: String| Incompatible {
                    version: *version,
                    new_reads,
                    why,
                }
            };
            if new_reads {
                can_read(new, old).map_err(incompatible(true))?;
            }
            if old_reads {
                can_read(old, new).map_err(incompatible(false))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Compatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Compatibility::NAMES.iter().find(|(_, level)| level == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

fn can_read(reader: &Schema, writer: &Schema) -> Result<(), String> {
    match (reader, writer) {
        (Schema::Avro(reader), Schema::Avro(writer)) => avro::can_read(reader, writer),
        (Schema::Protobuf(reader), Schema::Protobuf(writer)) => protobuf::can_read(reader, writer),
        (reader, writer) => {
            let (reader, writer) = (reader.schema_type(), writer.schema_type());
            Err(format!("one is {writer}, the other {reader}"))
        }
    }
}
