//! The facts that every record brings: a run that need not tell what became of each leaves them out.

use super::{Fact, GroupFact};

/// The facts that every record brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Routine {
    RecordCreated,
    Appended,
    HighWatermarkMoved,
    Acked,
    Consumed,
    Processed,
}

impl Routine {
    pub const ALL: &'static [Routine] = &[
        Routine::RecordCreated,
        Routine::Appended,
        Routine::HighWatermarkMoved,
        Routine::Acked,
        Routine::Consumed,
        Routine::Processed,
    ];
}

impl Fact {
    /// What happens to every record on its way.
    pub const fn is_routine(&self) -> bool {
        self.routine().is_some()
    }

    /// Which kind of routine it is.
    pub const fn routine(&self) -> Option<Routine> {
        match self {
            Fact::RecordCreated { .. } => Some(Routine::RecordCreated),
            Fact::Appended { .. } => Some(Routine::Appended),
            Fact::HighWatermarkMoved { .. } => Some(Routine::HighWatermarkMoved),
            Fact::Acked { .. } => Some(Routine::Acked),
            Fact::Consumed { .. } => Some(Routine::Consumed),
            Fact::Group(GroupFact::Processed { .. }) => Some(Routine::Processed),
            _ => None,
        }
    }
}
