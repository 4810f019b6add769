//! The facts that every record brings: a run that need not tell what became of each leaves them out.

use super::Fact;

/// The facts that every record brings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Routine {
    RecordCreated,
    Appended,
    HighWatermarkMoved,
    Acked,
    Consumed,
}

impl Routine {
    pub const ALL: &'static [Routine] = &[
        Routine::RecordCreated,
        Routine::Appended,
        Routine::HighWatermarkMoved,
        Routine::Acked,
        Routine::Consumed,
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
            _ => None,
        }
    }
}
