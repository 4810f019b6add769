//! What a client asks ZooKeeper that a scenario has speak with it.

use super::{Telling, loud, quiet};
use crate::protocol::{LostCommand, ShellFact};

pub(super) fn of_shell(fact: &ShellFact) -> Telling {
    match fact {
        ShellFact::Asked { command } => quiet(format!("asks ZooKeeper: {command}")),
        ShellFact::Ended {
            command,
            lost: Some(lost),
            ..
        } => {
            let effect = match lost {
                LostCommand::Read => "",
                LostCommand::Write => ": it may have taken effect, or not",
            };
            loud(format!(
                "gets no answer on \"{command}\", the connection is lost{effect}"
            ))
        }
        ShellFact::Ended {
            command, answer, ..
        } => loud(format!("is answered on \"{command}\": {answer}")),
        ShellFact::News { news } => loud(format!("is told by ZooKeeper: {news}")),
    }
}
