//! What Kafka does and this simulator does not, as far as a setting asks for it.

use std::fmt;

/// Something that is not built. Each is a sentence for whoever asks for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Lack {
    Compaction,
    ConnectionLimits,
    Converters,
    Groups,
    KRaft,
    Listeners,
    LogDirectories,
    OwnCode,
    Partitioners,
    Preallocation,
    Protocol,
    Quotas,
    RequestSize,
    RollJitter,
    /// A scenario has a key of its own for it, of which this is an example.
    SaidElsewhere(&'static str),
    Security,
    ShareGroups,
    TieredStorage,
    Transactions,
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Lack::Compaction => "log compaction is not modelled: topics lose old records by age and size only",
            Lack::ConnectionLimits => "limits on connections are not modelled: a broker takes in everybody",
            Lack::Converters => "of Connect's JsonConverter schemas.enable is modelled: nulls get their defaults, and Decimal is not there",
            Lack::Groups => "of groups of consumers the classic protocol is modelled, with Kafka's four assignors, and members that leave as they end",
            Lack::KRaft => "KRaft is not modelled: ZooKeeper coordinates",
            Lack::Listeners => "a listener for the controller alone, or one that opens early, is not modelled: all of a broker's are alike",
            Lack::LogDirectories => "several log directories are not modelled: a broker has one",
            Lack::OwnCode => "code of one's own is not modelled",
            Lack::Partitioners => "partitioners of one's own are not modelled: Kafka's are",
            Lack::Preallocation => "segments are not made long at once: their files grow with what is written",
            Lack::Protocol => "older protocols between brokers are not modelled: they speak that of 3.9",
            Lack::Quotas => "quotas and throttles are not modelled: they slow down nobody",
            Lack::RequestSize => "a limit on the size of a request is not modelled",
            Lack::RollJitter => "segments are not rolled early by chance here",
            Lack::SaidElsewhere(_) => "a scenario does not say this by Kafka's key",
            Lack::Security => "encryption, logins and access control are not modelled: everybody may do everything",
            Lack::ShareGroups => "share groups are not modelled",
            Lack::TieredStorage => "tiered storage is not modelled",
            Lack::Transactions => "transactions are not modelled",
        })
    }
}
