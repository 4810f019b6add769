//! Elections from outside the ISR, and elections that an administrator asks for.

use crate::controller::support::*;
use kafka_trial::protocol::{ElectionType, ErrorCode, Response};

#[test]
fn ct16_unclean_is_read_from_the_topic_at_that_moment() {
    let mut cluster = with_topic(&[&[1, 2]]);
    kill(&mut cluster, 2);
    kill(&mut cluster, 1);
    cluster.start(2).unwrap();
    assert!(state(&mut cluster, 0).starts_with("leader -1"));
    // The node alone, without a notice: nobody looks until there is a reason to.
    let config = r#"{"version":1,"config":{"unclean.leader.election.enable":"true"}}"#;
    cluster
        .tree()
        .nodes
        .get_mut("/config/topics/t")
        .unwrap()
        .data = config.into();
    cluster.start(1).unwrap();
    assert!(
        state(&mut cluster, 0).starts_with("leader 1"),
        "an ISR member is back: clean"
    );
    let mut cluster = with_topic(&[&[1, 2]]);
    kill(&mut cluster, 2);
    cluster
        .tree()
        .nodes
        .get_mut("/config/topics/t")
        .unwrap()
        .data = config.into();
    kill(&mut cluster, 1);
    cluster.start(2).unwrap();
    assert!(state(&mut cluster, 0).starts_with("leader 2"));
    let node = cluster.tree().nodes["/brokers/topics/t/partitions/0/state"].clone();
    assert!(String::from_utf8_lossy(&node.data).contains("\"leader_recovery_state\":1"));
}

#[test]
fn rk18_an_administrator_may_elect_uncleanly_whatever_the_topic_says() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1]]);
    kill(&mut cluster, 2);
    kill(&mut cluster, 1);
    cluster.start(2).unwrap();
    assert_eq!(
        elected(
            &mut cluster,
            elect(ElectionType::Preferred, Some(vec![1, 7]))
        ),
        [
            ("t-1".to_owned(), ErrorCode::PreferredLeaderNotAvailable),
            ("t-7".to_owned(), ErrorCode::UnknownTopicOrPartition),
        ]
    );
    assert_eq!(
        elected(&mut cluster, elect(ElectionType::Unclean, Some(vec![0]))),
        [("t-0".to_owned(), ErrorCode::None)]
    );
    assert_eq!(
        elected(&mut cluster, elect(ElectionType::Unclean, Some(vec![0]))),
        [("t-0".to_owned(), ErrorCode::ElectionNotNeeded)]
    );
}

#[test]
fn rk18_an_election_of_all_answers_only_what_changed() {
    let mut cluster = with_topic(&[&[1, 2], &[2, 1]]);
    assert_eq!(
        elected(&mut cluster, elect(ElectionType::Preferred, None)),
        []
    );
    let request = elect(ElectionType::Preferred, Some(vec![0]));
    match cluster.ask_controller(1, request) {
        Some(Response::ElectLeaders(response)) => {
            assert_eq!(response.results[0].1, ErrorCode::NotController);
        }
        other => panic!("{other:?}"),
    }
}
