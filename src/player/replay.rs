//! What a trace does not hold: what Kafka's tools would have printed at each event, who waits to be told of which znode, the
//! bytes that leaders have appended, and what the run says to the answers of its predictions. The run is played once more
//! for it.

use super::batches::Batches;
use crate::figure::Recording;
use crate::node::view::ZooKeeperWatchView;
use crate::plan::Plan;
use crate::report::{Account, Tools, Verdict, verdicts};
use crate::trace::Observer;
use std::collections::BTreeMap;

/// Lines of the tables that are others than before, by their place; `None`: no longer there.
pub(super) type ChangedLines = Vec<(usize, Option<String>)>;

pub(super) struct Replay<'a> {
    pub(super) plan: &'a Plan,
    /// By the place of a fact: what is told when its event is over.
    pub(super) tables: BTreeMap<usize, ChangedLines>,
    /// What is told at the end of the run, where that is something else than at its last event.
    pub(super) at_end: ChangedLines,
    /// By the place of a fact, where they are others than before.
    pub(super) watches: BTreeMap<usize, Vec<ZooKeeperWatchView>>,
    pub(super) batches: Batches,
    /// By the ids of predictions.
    pub(super) verdicts: BTreeMap<String, Verdict>,
}

impl Replay<'_> {
    /// Looks at the events that `is_shown`, by the place of a fact. `None` of a trace.
    pub(super) fn of<'a>(recording: &'a Recording, is_shown: &[bool]) -> Option<Replay<'a>> {
        let (plan, mut run) = recording.again()?;
        let version = plan.cluster.kafka_version;
        let mut replay = Replay {
            plan,
            tables: BTreeMap::new(),
            at_end: Vec::new(),
            watches: BTreeMap::new(),
            batches: Batches::default(),
            verdicts: BTreeMap::new(),
        };
        // Knows of which groups nobody may tell at the moment.
        let mut account = Account::default();
        let mut lines: Vec<String> = Vec::new();
        let mut watches = Vec::new();
        let mut facts = 0;
        loop {
            let stated = run.trace();
            let view = run.view();
            for entry in stated {
                account.fact(entry);
                replay.batches.learn(entry, &view);
            }
            let of_event = facts..facts + stated.len();
            facts = of_event.end;
            let shown = is_shown.get(of_event.clone()).unwrap_or_default();
            if let Some(place) = shown.iter().position(|it| *it) {
                let told = Tools::asked(&view, version).told(account.groups());
                let changed = changed(&mut lines, &told);
                if !changed.is_empty() {
                    replay.tables.insert(of_event.start + place, changed);
                }
                let now = view.watches();
                if now != watches {
                    watches.clone_from(&now);
                    replay.watches.insert(of_event.start + place, now);
                }
            }
            if !run.step_until(recording.end) {
                break;
            }
        }
        assert_eq!(facts, recording.facts.len(), "the same run");
        run.until(recording.end);
        let told = Tools::asked(&run.view(), version).told(account.groups());
        replay.at_end = changed(&mut lines, &told);
        let report = run.finish();
        replay.verdicts = verdicts(plan, &report.answers);
        Some(replay)
    }
}

/// Brings the lines to what is told now, and says what that changes.
fn changed(lines: &mut Vec<String>, told: &str) -> ChangedLines {
    let mut changed = Vec::new();
    let mut count = 0;
    for (place, line) in told.lines().enumerate() {
        count = place + 1;
        match lines.get_mut(place) {
            Some(known) if known == line => continue,
            Some(known) => line.clone_into(known),
            None => lines.push(line.to_owned()),
        }
        changed.push((place, Some(line.to_owned())));
    }
    changed.extend((count..lines.len()).map(|place| (place, None)));
    lines.truncate(count);
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lines_that_are_others_are_told() {
        let mut lines = Vec::new();
        assert_eq!(changed(&mut lines, "a\nb\n").len(), 2);
        assert_eq!(changed(&mut lines, "a\nb\n"), []);
        assert_eq!(
            changed(&mut lines, "a\nc\nd\n"),
            [(1, Some("c".to_owned())), (2, Some("d".to_owned()))]
        );
        assert_eq!(
            changed(&mut lines, "b\n"),
            [(0, Some("b".to_owned())), (1, None), (2, None)]
        );
    }
}
