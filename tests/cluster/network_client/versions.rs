//! The first question on each connection: which requests the other side knows.

use super::*;
use kafka_trial::protocol::{API_VERSIONS, ApiVersion};

#[test]
fn cn3_nothing_is_sent_before_api_versions_is_answered() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    world.server().versions.push_back(None);
    world.send(2);
    world.run_for(1_000);
    assert_eq!(world.server().versions_asked.len(), 1);
    assert_eq!(world.server().versions_asked[0].1, 4);
    assert!(world.server().received.is_empty());
    let network = &world.client().network;
    assert!(network.is_preparing(BROKER) && !network.is_connecting(BROKER));
    assert!(!network.can_send(BROKER) && !network.is_connected(BROKER));
    assert_eq!(network.in_flight(BROKER), 3, "it takes a place");
}

#[test]
fn cn3_who_does_not_discover_versions_sends_at_once() {
    let config = NetworkClientConfig {
        discover_broker_versions: false,
        ..NetworkClientConfig::default()
    };
    let mut world = World::new(1, config);
    world.0.apply(Fault::Start(SERVER));
    world.send(1);
    world.run_for(100);
    assert!(world.server().versions_asked.is_empty());
    assert_eq!(world.client().ends[0].2, Ok(()));
}

const UNSUPPORTED: ApiVersionsResponse = ApiVersionsResponse {
    error: ErrorCode::UnsupportedVersion,
    api_keys: &[ApiVersion {
        api_key: API_VERSIONS,
        min_version: 0,
        max_version: 2,
    }],
};

#[test]
fn cn4_an_older_broker_is_asked_again_on_the_same_connection_in_its_own_version() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    world.server().versions.push_back(Some(UNSUPPORTED));
    world.send(1);
    world.run_for(100);
    let asked = world.server().versions_asked.clone();
    assert_eq!((asked[0].1, asked[1].1), (4, 2));
    assert_eq!(asked[0].0, asked[1].0);
    assert_eq!(world.client().ends[0].2, Ok(()));
}

#[test]
fn cn4_one_that_names_no_version_is_asked_in_version_0_and_then_left() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    let nameless = || {
        Some(ApiVersionsResponse {
            api_keys: &[],
            ..UNSUPPORTED
        })
    };
    world.server().versions.extend([nameless(), nameless()]);
    world.send(1);
    world.run_for(20);
    let asked = world.server().versions_asked.clone();
    assert_eq!(asked.iter().map(|it| it.1).collect::<Vec<_>>(), [4, 0]);
    let closed = Disconnected::NotSent(CloseReason::ByPeer);
    assert_eq!(world.client().ends[0].2, Err(closed));
    assert!(world.client().network.is_backing_off(BROKER));
    world.send(1);
    world.run_for(100);
    assert_eq!(world.client().ends[1].2, Ok(()), "the next attempt");
}

#[test]
fn cn5_what_the_broker_does_not_know_is_not_sent() {
    let mut world = World::new(1, NetworkClientConfig::default());
    world.0.apply(Fault::Start(SERVER));
    world.server().versions.push_back(Some(ApiVersionsResponse {
        error: ErrorCode::None,
        api_keys: &[],
    }));
    world.send(1);
    world.run_for(100);
    let unsupported = Err(Disconnected::UnsupportedVersion);
    assert_eq!(world.client().ends[0].2, unsupported);
    assert!(world.server().received.is_empty());
    assert!(world.client().network.is_connected(BROKER));
}

#[test]
fn cn6_both_sides_of_3_9_1_know_these_versions() {
    let newest = |key: &str| {
        let known = ApiVersion::of(KNOWN_VERSIONS, key.parse().unwrap()).unwrap();
        known
            .latest_usable(known)
            .map(|version| version.to_string())
    };
    let keys_and_versions = "0:11 1:17 2:9 3:12 8:9 9:9 10:6 11:9 12:4 13:5 14:5 15:5 16:5 18:4 22:5 23:4 24:5 \
        25:4 26:4 27:1 28:4 42:2 47:0 67:0";
    for (key, version) in keys_and_versions
        .split(' ')
        .filter_map(|it| it.split_once(':'))
    {
        assert_eq!(newest(key).as_deref(), Some(version), "api key {key}");
    }
    assert!(KNOWN_VERSIONS.is_sorted_by_key(|it| it.api_key));
    assert_eq!(ApiVersion::of(KNOWN_VERSIONS, 71), None, "no telemetry");
}

#[test]
fn cn10_an_api_versions_without_answer_ends_with_request_timeout_ms() {
    let config = NetworkClientConfig {
        request_timeout_ms: 3_000,
        ..NetworkClientConfig::default()
    };
    let mut world = World::new(1, config);
    world.0.apply(Fault::Start(SERVER));
    world.server().versions.push_back(None);
    world.send(1);
    world.run_for(2_990);
    assert!(world.client().ends.is_empty());
    world.run_for(20);
    let timed_out = Err(Disconnected::NotSent(CloseReason::TimedOut));
    assert_eq!(world.client().ends[0].2, timed_out);
}
