//! What lies on a broker's disk.

use super::Entry;

pub(super) const ENTRIES: &[Entry] = &[
    Entry {
        id: "B57",
        title: "The marker of a clean stop outlives the start after it",
        report: "KAFKA-10471",
        rules: "clean_marker=after-load",
        safe: &[],
        broken: "a start trusts its logs only after a clean stop",
        scenario: "b57-marker-outlives-a-start",
        since: "0.8.1",
        fixed: "2.8.0",
        shortest: 3,
    },
    Entry {
        id: "B58",
        title: "Retention deletes above the high watermark",
        report: "KAFKA-5634",
        rules: "retention_hw_guard=off",
        safe: &[],
        broken: "nothing above the high watermark is deleted",
        scenario: "b58-retention-above-the-high-watermark",
        since: "0.8.0",
        fixed: "0.11.0.1",
        shortest: 1,
    },
    Entry {
        id: "B59",
        title: "The file of a log's epochs is empty after a power failure",
        report: "KAFKA-15046, KAFKA-16541",
        rules: "checkpoint_fsync=off",
        safe: &[],
        broken: "every ISR is full at the end",
        scenario: "b59-epochs-never-reached-the-disk",
        since: "3.7.0",
        fixed: "3.8.0",
        shortest: 2,
    },
];
