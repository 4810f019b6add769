//! What is wrong with a batch's bytes, and where.

use std::fmt;

/// A batch that cannot be used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CorruptBatch {
    pub problem: BatchProblem,
    /// Byte in the batch (in its uncompressed records for a compressed one) where it was noticed.
    pub position: u64,
    /// The batch's base offset, where enough bytes are there to tell it.
    pub base_offset: Option<i64>,
}

/// The ways in which a batch can be bad.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BatchProblem {
    /// The batch is cut: `needed` bytes, `found` there.
    Truncated {
        needed: u64,
        found: u64,
    },
    /// More bytes than the batch says.
    Trailing {
        bytes: u64,
    },
    /// The length field is smaller than any batch.
    LengthTooSmall {
        length: i32,
    },
    /// A format that does not exist.
    Magic {
        magic: i8,
    },
    Crc {
        stored: u32,
        computed: u32,
    },
    UnknownCodec {
        codec: u8,
    },
    /// The codec's stream is bad.
    Decompression {
        codec: &'static str,
        problem: String,
    },
    /// The records unpack to more than is allowed.
    TooLarge {
        limit: u64,
    },
    /// Negative record count or header count, or more headers than bytes.
    Count {
        count: i32,
    },
    /// A varint longer than its type allows.
    Varint,
    /// A length that is negative where it may not be, or runs past its record or batch.
    FieldLength {
        field: &'static str,
        length: i64,
    },
    /// A record's fields do not fill its length.
    RecordSize {
        said: i64,
        used: u64,
    },
    /// The bytes end before the last record that the header counts.
    TooFewRecords {
        said: i32,
        found: i32,
    },
    /// Bytes are left after the last record that the header counts.
    RecordsRemain {
        said: i32,
        bytes: u64,
    },
    /// An old format's message that says it is packed, and holds none.
    EmptyWrapper,
    /// A wrapped message's offset lies behind its wrapper's.
    WrapperOffset {
        wrapper: i64,
        inner: i64,
    },
    /// A wrapper in a wrapper.
    Nested,
}

impl fmt::Display for CorruptBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.problem)?;
        write!(f, ", at byte {}", self.position)?;
        match self.base_offset {
            Some(offset) => write!(f, " of the batch with base offset {offset}"),
            None => write!(f, " of a batch"),
        }
    }
}

/// So many, in words.
pub(crate) fn bytes(count: impl fmt::Display) -> String {
    match count.to_string().as_str() {
        "1" => "1 byte".to_owned(),
        many => format!("{many} bytes"),
    }
}

impl fmt::Display for BatchProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BatchProblem::Truncated { needed, found } => {
                write!(f, "truncated: {} needed, {found} found", bytes(*needed))
            }
            BatchProblem::Trailing { bytes: beyond } => {
                write!(f, "{} beyond the batch's length", bytes(*beyond))
            }
            BatchProblem::LengthTooSmall { length } => write!(f, "length {length} is too small"),
            BatchProblem::Magic { magic } => write!(f, "magic {magic} is no known format"),
            BatchProblem::Crc { stored, computed } => {
                write!(f, "crc mismatch: {stored} stored, {computed} computed")
            }
            BatchProblem::UnknownCodec { codec } => write!(f, "unknown compression codec {codec}"),
            BatchProblem::Decompression { codec, problem } => {
                write!(f, "decompression failure ({codec}): {problem}")
            }
            BatchProblem::TooLarge { limit } => {
                write!(f, "records unpack to more than {limit} bytes")
            }
            BatchProblem::Count { count } => write!(f, "impossible count {count}"),
            BatchProblem::Varint => f.write_str("varint is too long"),
            BatchProblem::FieldLength { field, length } => {
                write!(
                    f,
                    "{field} of length {length} runs past its record or batch"
                )
            }
            BatchProblem::RecordSize { said, used } => {
                write!(
                    f,
                    "a record of length {said} has fields of {}",
                    bytes(*used)
                )
            }
            BatchProblem::TooFewRecords { said, found } => {
                write!(
                    f,
                    "fewer records than the count says: {said} said, {found} found"
                )
            }
            BatchProblem::RecordsRemain { said, bytes: left } => {
                write!(
                    f,
                    "the count says {said} records, and behind them there is more: {}",
                    bytes(*left)
                )
            }
            BatchProblem::EmptyWrapper => f.write_str("it is packed and holds no message"),
            BatchProblem::WrapperOffset { wrapper, inner } => {
                write!(
                    f,
                    "a message of offset {inner} is packed into one of {wrapper}"
                )
            }
            BatchProblem::Nested => f.write_str("a packed message is packed itself"),
        }
    }
}

impl std::error::Error for CorruptBatch {}
