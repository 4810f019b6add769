//! Protocol rules that history changed, and rules that somebody could get wrong: one enum a rule. Today's
//! value is the default.
//!
//! A plan carries [`Rules`], and every node reads the rule that concerns it where that rule lives. `rules` in a
//! scenario sets them: to see what an old release did, and to see that a property notices a broker that is broken.

/// A rule, for readers.
#[derive(Debug)]
pub struct About {
    pub name: &'static str,
    /// In sentences, with where it comes from.
    pub says: &'static str,
    /// Today's value.
    pub now: &'static str,
    /// The others, each with what it does where its name does not say it.
    pub others: &'static [(&'static str, &'static str)],
}

/// Declares every rule: its name, its type, today's value, and what else it can be.
macro_rules! rules {
    ($(
        $(#[doc = $about:literal])*
        $field:ident: $rule:ident is $now_name:literal $now:ident
            or $($(#[doc = $other_about:literal])* $other_name:literal $other:ident),+;
    )*) => {
        $(
            $(#[doc = $about])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
            pub enum $rule {
                #[doc = "Today's."]
                #[default]
                $now,
                $($(#[doc = $other_about])* $other,)+
            }
        )*

        /// Every rule.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct Rules {
            $($(#[doc = $about])* pub $field: $rule,)*
        }

        impl Rules {
            /// Every rule by name, with the values that are not today's.
            pub const OTHERS: &'static [(&'static str, &'static [&'static str])] =
                &[$((stringify!($field), &[$($other_name),+])),*];

            /// Every rule, as references and schemas list them.
            pub const ALL: &'static [About] = &[$(About {
                name: stringify!($field),
                says: concat!("", $($about),*),
                now: $now_name,
                others: &[$(($other_name, concat!("", $($other_about),*))),+],
            }),*];

            /// Those that are not today's, with their values.
            pub fn changed(&self) -> Vec<(&'static str, &'static str)> {
                let mut changed = Vec::new();
                $(match self.$field {
                    $rule::$now => {}
                    $($rule::$other => changed.push((stringify!($field), $other_name)),)+
                })*
                changed
            }

            /// Sets one; false if there is no such rule, or no such value of it.
            pub fn set(&mut self, rule: &str, value: &str) -> bool {
                match (rule, value) {
                    $(
                        (stringify!($field), $now_name) => self.$field = $rule::$now,
                        $((stringify!($field), $other_name) => self.$field = $rule::$other,)+
                    )*
                    _ => return false,
                }
                true
            }
        }
    };
}

rules! {
    // ---- logs of followers and leaders

    /// How a follower finds where its log parts from its leader's (E5 to E7).
    truncation: Truncation is "fetch-diverging" FetchDiverging or
        /// It cuts to its high watermark when it begins to follow (before 0.11).
        "hw" HighWatermark,
        /// It asks once where its last epoch ends, and is not told of which epoch that is (KIP-101).
        "epoch-kip101" EpochKip101,
        /// It asks once, when it begins to follow (KIP-279).
        "epoch-kip279" EpochKip279;

    /// Whether a fetch names the leader epoch that it believes in (KIP-320; E11).
    replica_fencing: ReplicaFencing is "leader-epoch" LeaderEpoch or "off" Off;

    /// A new leader notes at once where its epoch begins (KAFKA-7415; E3).
    epoch_start_on_election: EpochStartOnElection is "on" On or "off" Off;

    /// A follower begins anew where epochs were missed, though the leader be the same (KAFKA-7164).
    truncate_on_missed_epoch: TruncateOnMissedEpoch is "on" On or "off" Off;

    /// A truncation that finds nothing to cut still cleans the epoch cache (KAFKA-10706; E8).
    clear_epoch_cache_on_noop_truncate: ClearEpochCacheOnNoopTruncate is "on" On or "off" Off;

    /// A log is cut before the high watermark of the same answer counts (KAFKA-14704).
    diverging_before_hw: DivergingBeforeHw is "on" On or "off" Off;

    /// A log that is emptied takes its high watermark along (KAFKA-9491; HW8).
    hw_after_full_truncate: HwAfterFullTruncate is "on" On or "off" Off;

    /// How far a follower's high watermark may go (HW1).
    hw_bound: HwBound is "log-end" LogEnd or
        /// As far as the leader's.
        "none" Nothing;

    // ---- ISR and high watermark

    /// Which ISR the high watermark waits for (KIP-497; HW2, A2).
    hw_isr: HwIsr is "maximal" Maximal or
        /// The one that the controller was asked for, before it has said yes.
        "proposed" Proposed,
        /// The committed one, though a member be about to join.
        "committed" Committed;

    /// The high watermark stands still below min.insync.replicas (KAFKA-15583; HW3).
    hw_under_min_isr: HwUnderMinIsr is "hold" Hold or "advance" Advance;

    /// When a follower has caught up so far that it may join the ISR (KAFKA-7128; I5).
    isr_join: IsrJoin is "epoch-start" EpochStart or
        /// It need only reach the high watermark, which a new leader does not know yet.
        "hw" HighWatermark;

    /// Who may be in an ISR (KAFKA-14140, KIP-841; I6).
    isr_eligibility: IsrEligibility is "live" Live or "any" Any;

    /// A leader looks at its high watermark again when the controller has made its ISR smaller (KAFKA-13091; A5).
    hw_on_alter_response: HwOnAlterResponse is "on" On or
        /// It waits for the next append or fetch (2.7 to 3.0).
        "off" Off;

    /// When a question about an ISR is done, so that the next may be asked (KAFKA-12686; A3).
    alter_partition_reset: AlterPartitionReset is "by-answer" ByAnswer or
        /// A LeaderAndIsr makes room for the next, and the answer that still comes takes that one away unasked (2.7 and
        /// 2.8).
        "by-leader-and-isr" ByLeaderAndIsr;

    /// When acks=all is answered (P2).
    acks_all: AcksAll is "replicated" Replicated or "appended" Appended;

    /// How far a consumer may read (F1).
    consumer_reads: ConsumerReads is "hw" HighWatermark or "log-end" LogEnd;

    // ---- producers

    /// Whether a leader holds the sequence numbers of a batch against what it has of its producer (D1 to D3).
    sequence_check: SequenceCheck is "on" On or "off" Off;

    /// What a producer sends again has the number that it had (CP37).
    retry_sequence: RetrySequence is "kept" Kept or
        /// It gets the next one.
        "new" New;

    /// What an application does with a record that its library has given up when its time was over (CP43).
    app_resend: AppResend is "never" Never or
        /// It hands it over once more, as if nothing of it could be stored.
        "after-timeout" AfterTimeout;

    // ---- storage

    /// What becomes of the marker of a clean stop (RL2, RL10).
    clean_marker: CleanMarker is "last-and-taken" LastAndTaken or
        /// A start leaves it where it is.
        "left" Left,
        /// A stop writes it before it closes the logs.
        "early" Early,
        /// A start deletes it when all logs are loaded: one that dies before leaves it to the next (KAFKA-10471; up to
        /// 2.7).
        "after-load" AfterLoad;

    /// A log's epochs are on the device before their file takes the place of the one before (KAFKA-16541; L9).
    checkpoint_fsync: CheckpointFsync is "on" On or
        /// Not where entries were cut from it (3.7).
        "off" Off;

    /// Retention stops at the high watermark (KAFKA-5634; L4).
    retention_hw_guard: RetentionHwGuard is "on" On or "off" Off;

    // ---- controller

    /// Each election raises the leader epoch (I9).
    leader_epoch_bump: LeaderEpochBump is "on" On or "off" Off;

    /// Who may lead when the leader is gone (Z3).
    offline_election: OfflineElection is "isr" Isr or
        /// Any live replica, whatever unclean.leader.election.enable says.
        "any-live" AnyLive;

    /// A broker obeys no controller that is older than one that it has heard of (Z4).
    controller_epoch_check: ControllerEpochCheck is "on" On or "off" Off;

    /// Each write of a controller checks /controller_epoch (KAFKA-6082; CT10).
    controller_zk_fencing: ControllerZkFencing is "epoch-multi-op" EpochMultiOp or "off" Off;

    /// A broker obeys no request that was meant for its earlier life (KIP-380; Z5).
    broker_epoch_fencing: BrokerEpochFencing is "on" On or "off" Off;

    /// A broker that cannot learn how to make a log forgets that it was told to (KAFKA-9769; CT27).
    transition_atomic: TransitionAtomic is "on" On or
        /// It has noted the leader epoch, and takes nothing of the same again (up to 2.6).
        "off" Off;

    /// A broker stops no replica for a StopReplica of an older leader epoch (KIP-570; Z8).
    ///
    /// While the two rules above are kept, nothing depends on it before partitions are reassigned: only a
    /// controlled shutdown sends one with an epoch, to a broker that fetches no more in this life.
    stop_replica_epoch: StopReplicaEpoch is "on" On or "off" Off;

    // ---- groups

    /// Whom a rebalance waits for (CG16, CG18).
    group_join: GroupJoin is "every-member" EveryMember or
        /// It goes on with who has come, and keeps the others.
        "first-comer" FirstComer;

    /// A commit names the generation that it is of (CG14, CG26).
    group_fencing: GroupFencing is "generation" Generation or "off" Off;

    /// Each rebalance makes a generation of its own (CG18).
    group_generation: GroupGeneration is "counted" Counted or "kept" Kept;

    /// A member that is silent for its session's time-out is out (CG23).
    group_session: GroupSession is "ends" Ends or "never" Never;

    /// When a group's offsets are forgotten (KAFKA-8069, KAFKA-13636; CG36).
    offset_expiry: OffsetExpiry is "in-absence" InAbsence or
        /// By the age of the commit, whoever is there.
        "by-age" ByAge;

    /// How far a consumer's position is (CC14).
    consumer_position: ConsumerPosition is "handed-out" HandedOut or
        /// Behind all that it has fetched.
        "fetched" Fetched;

    /// When what a coordinator writes counts (CG20, CG27).
    group_append: GroupAppend is "replicated" Replicated or
        /// As soon as its own broker has it.
        "leader" Leader;

    /// Groups of a partition that a broker has lost go, unless it leads it again (KAFKA-10614; CG43).
    group_unload: GroupUnload is "by-epoch" ByEpoch or
        /// The thread comes to it late, and asks for no epoch.
        "late" Late;

    /// A static member that comes back under a new id is written down at once (KAFKA-10284; CG13).
    static_member_id: StaticMemberId is "stored" Stored or "in-memory" InMemory;

    // ---- consumers

    /// What a member that gives everything up hands out while it commits before a join (KAFKA-14196; CC45).
    fetch_before_join: FetchBeforeJoin is "stops" Stops or "goes-on" GoesOn;

    /// Where the commit before a join is waited for, and tried again (KAFKA-13310; CB10, CC45).
    join_commit: JoinCommit is "over-polls" OverPolls or
        /// In the `poll` that finds that it is to join: it does not return (up to 3.1).
        "in-one-poll" InOnePoll;

    /// What becomes of what a member had when it was thrown out of its group (KAFKA-12984, KAFKA-13419; CA9, CC45).
    stale_claims: StaleClaims is "given-up" GivenUp or
        /// It claims it when it joins again, and the leader of the group asks for no generation.
        "believed" Believed;

    /// What becomes of an answer to where the coordinator is, of who names its partitions itself (KAFKA-13563; CB6).
    coordinator_lookup: CoordinatorLookup is "anew" Anew or
        /// It stays for a commit that does not wait to find (2.6.2 to 3.1.0).
        "kept" Kept;

    /// What a consumer that has read of one leader does before it reads of the next (KIP-320; CC30).
    consumer_truncation_check: ConsumerTruncationCheck is "on" On or
        /// It goes on at its offset, whatever stands there by now (up to 2.2).
        "off" Off;

    /// What comes of OFFSET_OUT_OF_RANGE from a follower (KIP-392; F7, CC16).
    follower_oor: FollowerOor is "ask-the-leader" AskTheLeader or
        /// The same as from the leader.
        "reset-policy" ResetPolicy;

    // ---- ZooKeeper

    /// When a leader commits a proposal (ZB10).
    zk_commit: ZkCommit is "quorum" Quorum or
        /// As soon as one server has it in its log.
        "first-ack" FirstAck;

    /// When a follower acknowledges a proposal (ZB10).
    zk_ack: ZkAck is "after-fsync" AfterFsync or "before-fsync" BeforeFsync;

    /// What a learner has on disk when it acknowledges NEWLEADER (ZB8).
    zk_newleader_ack: ZkNewleaderAck is "durable" Durable or
        /// All of it, but its currentEpoch first (ZOOKEEPER-4643).
        "epoch-first" EpochFirst,
        /// Its currentEpoch; what it was sent is on its way (ZOOKEEPER-4646, ZOOKEEPER-4785; 3.6.3 to 3.9.2).
        "before-fsync" BeforeFsync,
        /// Its currentEpoch; what it was sent is logged when its leader serves (ZOOKEEPER-3911; up to 3.6.2).
        "when-serving" WhenServing;

    /// A follower that is told to cuts its log (ZOOKEEPER-1154; ZB7).
    zk_sync_trunc: ZkSyncTrunc is "on" On or "off" Off;

    /// What a server's tree is when it looks for a leader again (ZOOKEEPER-2845; ZB12).
    zk_retained_tree: ZkRetainedTree is "as-logged" AsLogged or
        /// Without what it has logged and not applied, which then is in nobody's way (3.4.10, 3.4.11 and 3.5.3).
        "as-applied" AsApplied;

    /// A session's writes come by the server that it speaks with, and by no other (ZB15).
    zk_session_owner_check: ZkSessionOwnerCheck is "on" On or
        /// What one that it has left still sends counts too (before 3.2).
        "off" Off;

    /// A server remembers which epoch it has promised (ZB5).
    zk_accepted_epoch: ZkAcceptedEpoch is "remembered" Remembered or "forgotten" Forgotten;

    /// What the end of a session takes with it (ZK9).
    zk_close_session: ZkCloseSession is "ephemerals" Ephemerals or "nothing" Nothing;

    /// What becomes of a watch on a node whose data change (ZK7).
    zk_watch: ZkWatch is "fires" Fires or "dropped" Dropped;
}

impl Rules {
    /// Rules as in `truncation=epoch-kip279 replica_fencing=off`; those that are not named are today's. `None`
    /// if one does not exist.
    pub fn parse(text: &str) -> Option<Rules> {
        let mut rules = Rules::default();
        for word in words(text) {
            let (rule, value) = word?;
            if !rules.set(rule, value) {
                return None;
            }
        }
        Some(rules)
    }

    /// A rule by its name.
    pub fn about(rule: &str) -> Option<&'static About> {
        Rules::ALL.iter().find(|about| about.name == rule)
    }
}

/// The parts of `truncation=hw isr_join=hw`; `None` for one without `=`.
pub fn words(text: &str) -> impl Iterator<Item = Option<(&str, &str)>> {
    text.split_whitespace().map(|word| word.split_once('='))
}

impl Truncation {
    /// Fetches do not look for it again.
    pub fn asks_once(self) -> bool {
        matches!(self, Truncation::EpochKip101 | Truncation::EpochKip279)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read_by_name_and_are_todays_unless_named() {
        assert_eq!(Rules::parse(""), Some(Rules::default()));
        assert_eq!(Rules::default().truncation, Truncation::FetchDiverging);
        let old = Rules::parse("truncation=epoch-kip279 replica_fencing=off").unwrap();
        assert_eq!(old.truncation, Truncation::EpochKip279);
        assert_eq!(old.replica_fencing, ReplicaFencing::Off);
        assert_eq!(old.hw_isr, HwIsr::Maximal);
        for unknown in ["truncation", "truncation=never", "rule=off"] {
            assert_eq!(Rules::parse(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn every_other_value_differs_from_todays() {
        for (rule, values) in Rules::OTHERS {
            for value in *values {
                let rules = Rules::parse(&format!("{rule}={value}"));
                assert!(
                    rules.is_some_and(|rules| rules != Rules::default()),
                    "{rule}={value}"
                );
            }
        }
    }
}
