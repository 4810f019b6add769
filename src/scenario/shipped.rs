//! The scenarios that ship with trial, embedded in the binary.

/// A shipped scenario. Its name is its file's name without `.yaml`, and its `name`.
#[derive(Clone, Copy, Debug)]
pub struct Shipped {
    /// Below `scenarios/`.
    pub path: &'static str,
    pub text: &'static str,
}

impl Shipped {
    pub fn name(&self) -> &'static str {
        let file = self.path.rsplit('/').next().unwrap_or(self.path);
        file.strip_suffix(".yaml").unwrap_or(file)
    }

    /// It shows a bug, and is no part of the course.
    pub fn shows_a_bug(&self) -> bool {
        self.folder() == "bugs"
    }

    /// The part of the course that it belongs to.
    pub fn folder(&self) -> &'static str {
        self.path.split_once('/').map_or("", |(folder, _)| folder)
    }
}

/// A text for each path below `scenarios/`.
macro_rules! shipped {
    ($($path:literal),* $(,)?) => {
        &[$(Shipped { path: $path, text: include_str!(concat!("../../scenarios/", $path)) }),*]
    };
}

/// All of them, in the order of the course: folders by their numbers, in each the order of its `order.txt`,
/// easy first; and behind the course those that show bugs, which are to break (`campaign::catalogue`).
pub const SHIPPED: &[Shipped] = shipped!(
    "01-first-steps/first-steps.yaml",
    "01-first-steps/many-to-many.yaml",
    "01-first-steps/activity-tracking.yaml",
    "01-first-steps/log-aggregation.yaml",
    "01-first-steps/ride-pricing.yaml",
    "01-first-steps/metrics.yaml",
    "02-topics-and-partitions/order-within-a-partition.yaml",
    "02-topics-and-partitions/retention-by-time.yaml",
    "02-topics-and-partitions/retention-by-size.yaml",
    "02-topics-and-partitions/reader-away-longer-than-retention.yaml",
    "02-topics-and-partitions/delete-records.yaml",
    "02-topics-and-partitions/timestamps-in-seconds.yaml",
    "02-topics-and-partitions/topic-by-mistake.yaml",
    "03-truck-gps/truck-gps.yaml",
    "03-truck-gps/truck-map.yaml",
    "03-truck-gps/leader-crash.yaml",
    "03-truck-gps/truck-gps-100.yaml",
    "03-truck-gps/truck-gps-groups.yaml",
    "03-truck-gps/partition-added.yaml",
    "04-keys/same-key-same-partition.yaml",
    "04-keys/explicit-partition.yaml",
    "04-keys/key-skew.yaml",
    "04-keys/null-keys.yaml",
    "05-messages/anatomy-of-a-message.yaml",
    "05-messages/every-serializer.yaml",
    "05-storage/where-a-message-lies.yaml",
    "05-storage/disk-fills.yaml",
    "05-storage/wrong-broker-id.yaml",
    "06-serialization/wrong-deserializer.yaml",
    "06-serialization/schema-in-every-message.yaml",
    "06-serialization/poison-record-stuck.yaml",
    "06-serialization/poison-record-skipped.yaml",
    "06-serialization/poison-record-dead-letter.yaml",
    "06-serialization/compatible-schema-change.yaml",
    "06-serialization/incompatible-schema-change.yaml",
    "06-serialization/schema-change-without-a-registry.yaml",
    "06-serialization/registry-down.yaml",
    "07-groups/fewer-members-than-partitions.yaml",
    "07-groups/as-many-members-as-partitions.yaml",
    "07-groups/more-members-than-partitions.yaml",
    "07-groups/two-groups.yaml",
    "07-groups/topics-by-pattern.yaml",
    "07-groups/describe-a-group.yaml",
    "07-groups/member-joins-and-leaves.yaml",
    "07-groups/member-crashes.yaml",
    "07-groups/slow-member.yaml",
    "07-groups/slow-member-polls-on.yaml",
    "07-groups/static-member-restarts.yaml",
    "07-groups/eager-rebalance.yaml",
    "07-groups/cooperative-rebalance.yaml",
    "08-commits/auto-commit-and-a-crash.yaml",
    "08-commits/commit-before-processing.yaml",
    "08-commits/commit-after-processing.yaml",
    "08-commits/crash-before-processing.yaml",
    "08-commits/crash-before-the-commit.yaml",
    "08-commits/crash-after-the-commit.yaml",
    "08-commits/failure-and-auto-commit.yaml",
    "08-commits/text-message-twice.yaml",
    "08-commits/sent-on-twice.yaml",
    "08-commits/committed-offset-expires.yaml",
    "08-commits/read-again.yaml",
    "08-commits/partitions-by-hand.yaml",
    "09-delivery/retries-twice-or-once.yaml",
    "10-acks/acks-and-min-insync.yaml",
    "11-bootstrap/dead-first-server.yaml",
    "11-bootstrap/advertised-localhost.yaml",
    "11-bootstrap/stale-list.yaml",
    "11-bootstrap/only-known-server-down.yaml",
    "11-bootstrap/one-name.yaml",
    "12-leaders-and-isr/follower-crash.yaml",
    "12-leaders-and-isr/leader-returns.yaml",
    "12-leaders-and-isr/acks-1-loss.yaml",
    "12-leaders-and-isr/min-insync-refused.yaml",
    "12-leaders-and-isr/controller-crash.yaml",
    "12-leaders-and-isr/paused-leader.yaml",
    "12-leaders-and-isr/leader-cut-from-followers.yaml",
    "12-leaders-and-isr/leader-cut-from-zookeeper.yaml",
    "12-leaders-and-isr/slow-disk.yaml",
    "12-leaders-and-isr/disk-full.yaml",
    "12-leaders-and-isr/hanging-disk.yaml",
    "12-leaders-and-isr/hanging-disk-killed.yaml",
    "12-leaders-and-isr/power-failure-of-one.yaml",
    "12-leaders-and-isr/power-failure-of-one-flushed.yaml",
    "12-leaders-and-isr/power-failure-of-all.yaml",
    "12-leaders-and-isr/power-failure-of-all-flushed.yaml",
    "12-leaders-and-isr/torn-write.yaml",
    "12-leaders-and-isr/corrupt-middle.yaml",
    "12-leaders-and-isr/crash-in-recovery.yaml",
    "12-leaders-and-isr/producer-clock.yaml",
    "12-leaders-and-isr/stale-metadata.yaml",
    "12-leaders-and-isr/closest-replica.yaml",
    "13-performance/under-ten-milliseconds.yaml",
    "13-performance/throughput-over-partitions.yaml",
    "14-zookeeper/zookeeper-role.yaml",
    "14-zookeeper/clients-cut-from-zookeeper.yaml",
    "14-zookeeper/broker-back-before-its-session-ends.yaml",
    "14-zookeeper/broker-paused-past-its-session.yaml",
    "14-zookeeper/controller-session-expires.yaml",
    "14-zookeeper/zookeeper-follower-crash.yaml",
    "14-zookeeper/zookeeper-leader-crash.yaml",
    "14-zookeeper/zookeeper-four-servers.yaml",
    "14-zookeeper/zookeeper-quorum-lost.yaml",
    "14-zookeeper/zookeeper-leader-cut-off.yaml",
    "14-zookeeper/zookeeper-follower-long-away.yaml",
    "14-zookeeper/zookeeper-extra-transaction.yaml",
    "14-zookeeper/zookeeper-stale-read.yaml",
    "14-zookeeper/zookeeper-session-moves.yaml",
    "14-zookeeper/groups-without-zookeeper.yaml",
    "bugs/b01-cut-to-the-high-watermark.yaml",
    "bugs/b02-both-lose-power.yaml",
    "bugs/b03-an-end-without-its-epoch.yaml",
    "bugs/b04-an-epoch-without-a-start.yaml",
    "bugs/b05-missed-epochs.yaml",
    "bugs/b06-zombie-follower.yaml",
    "bugs/b08-the-follower-that-never-fetches.yaml",
    "bugs/b09-high-watermark-before-the-cut.yaml",
    "bugs/b10-a-mark-before-the-start.yaml",
    "bugs/b12-the-leaders-word-alone.yaml",
    "bugs/b13-an-election-in-peace.yaml",
    "bugs/b14-a-leader-from-outside.yaml",
    "bugs/b15-one-copy-is-enough.yaml",
    "bugs/b16-the-last-one-standing.yaml",
    "bugs/b18-every-copy-in-memory.yaml",
    "bugs/b19-stored-and-refused.yaml",
    "bugs/b20-a-smaller-isr-before-its-time.yaml",
    "bugs/b22-a-question-that-nobody-asks.yaml",
    "bugs/b23-nobody-looks-again.yaml",
    "bugs/b26-zombie-controller.yaml",
    "bugs/b27-obeyed-after-its-time.yaml",
    "bugs/b28-sent-to-its-earlier-life.yaml",
    "bugs/b29-stopped-by-an-old-request.yaml",
    "bugs/b30-half-a-transition.yaml",
    "bugs/b31-a-leader-that-nobody-follows.yaml",
    "bugs/b36-retry-stored-twice.yaml",
    "bugs/b37-retries-out-of-order.yaml",
    "bugs/b38-application-sends-again.yaml",
    "bugs/b44-commit-before-processing.yaml",
    "bugs/b45-commit-after-processing.yaml",
    "bugs/b46-two-process-the-same.yaml",
    "bugs/b47-close-commits-what-nobody-did.yaml",
    "bugs/b48-latest-skips-a-new-partition.yaml",
    "bugs/b49-commits-forgotten.yaml",
    "bugs/b50-offsets-of-a-living-group-expire.yaml",
    "bugs/b51-claims-of-a-lost-generation.yaml",
    "bugs/b52-retention-passes-a-reader.yaml",
    "bugs/b53-out-of-range-at-a-follower.yaml",
    "bugs/b54-another-record-at-its-offset.yaml",
    "bugs/b55-late-unload.yaml",
    "bugs/b57-marker-outlives-a-start.yaml",
    "bugs/b58-retention-above-the-high-watermark.yaml",
    "bugs/b59-epochs-never-reached-the-disk.yaml",
    "bugs/b62-no-trunc.yaml",
    "bugs/b63-write-of-a-moved-session.yaml",
    "bugs/b64-acknowledged-before-it-was-written.yaml",
    "bugs/zk-2845-uncommitted-history-survives.yaml",
    "bugs/zk-3911-logged-when-it-serves.yaml",
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{load, to_yaml};
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn every_scenario_file_ships_in_the_order_of_the_course() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        let names_in = |directory: &Path| -> BTreeSet<String> {
            let entries = std::fs::read_dir(directory).unwrap();
            entries
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect()
        };
        let mut course = Vec::new();
        // What stands beside the folders, such as the schema, is none.
        let names = names_in(&root).into_iter();
        for folder in names.filter(|name| root.join(name).is_dir()) {
            let order = std::fs::read_to_string(root.join(&folder).join("order.txt")).unwrap();
            let mut files = names_in(&root.join(&folder));
            files.remove("order.txt");
            let ordered: BTreeSet<String> = order.lines().map(str::to_string).collect();
            assert_eq!(ordered, files, "{folder}/order.txt names each file");
            course.extend(order.lines().map(|name| format!("{folder}/{name}")));
        }
        let shipped: Vec<&str> = SHIPPED.iter().map(|shipped| shipped.path).collect();
        assert_eq!(shipped, course);
    }

    #[test]
    fn shipped_scenarios_hold_together_under_their_unique_names_and_survive_being_written() {
        let mut names = BTreeSet::new();
        for shipped in SHIPPED {
            // What editors look for, from a scenario's own folder.
            let schema = "# yaml-language-server: $schema=../schema.json\n";
            assert!(shipped.text.starts_with(schema), "{}", shipped.path);
            let loaded = load(shipped.path, shipped.text.into(), &[])
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(loaded.plan.name, shipped.name());
            assert!(
                names.insert(shipped.name()),
                "{} is there twice",
                shipped.name()
            );
            assert_eq!(loaded.warnings, vec![], "{}", shipped.path);
            let written = to_yaml(&loaded.plan);
            let again = load("written", written.clone().into_bytes(), &[])
                .unwrap_or_else(|error| panic!("{written}{error}"));
            assert_eq!(again.plan, loaded.plan);
        }
    }
}
