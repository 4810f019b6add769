//! `ApiVersions`: the first request of every client's connection asks which requests the broker knows
//! (KIP-35, KIP-511).

use super::WireBytes;
use crate::protocol::ErrorCode;
use crate::protocol::config::KafkaVersion;

/// The api key of `ApiVersions`.
pub const API_VERSIONS: i16 = 18;

#[derive(Clone, Debug, Hash)]
pub struct ApiVersionsRequest {
    /// In which version it is asked, which stands in its header.
    pub version: i16,
    pub client_software_name: &'static str,
    pub client_software_version: &'static str,
}

impl ApiVersionsRequest {
    /// The newest that there is in Kafka 3.9.
    pub const LATEST_VERSION: i16 = 4;

    /// As Kafka's Java clients ask. Versions before 3 do not say who asks.
    pub fn of_java(version: i16) -> ApiVersionsRequest {
        let says_who = version >= 3;
        ApiVersionsRequest {
            version,
            client_software_name: if says_who { "apache-kafka-java" } else { "" },
            client_software_version: if says_who { "3.9.1" } else { "" },
        }
    }
}

impl WireBytes for ApiVersionsRequest {
    fn wire_bytes(&self) -> u64 {
        3 + self.client_software_name.len() as u64 + self.client_software_version.len() as u64
    }
}

#[derive(Clone, Debug, Hash)]
pub struct ApiVersionsResponse {
    /// UNSUPPORTED_VERSION names nothing but the versions of `ApiVersions` itself.
    pub error: ErrorCode,
    /// Ascending by api key.
    pub api_keys: &'static [ApiVersion],
}

/// The versions of one request that somebody knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct ApiVersion {
    pub api_key: i16,
    pub min_version: i16,
    pub max_version: i16,
}

impl ApiVersion {
    /// Those of one request in a list.
    pub fn of(known: &[ApiVersion], api_key: i16) -> Option<ApiVersion> {
        let at = known.binary_search_by_key(&api_key, |it| it.api_key).ok()?;
        Some(known[at])
    }

    /// The newest version that both know (CN5).
    pub fn latest_usable(self, other: ApiVersion) -> Option<i16> {
        let newest = self.max_version.min(other.max_version);
        (newest >= self.min_version.max(other.min_version)).then_some(newest)
    }
}

/// The versions of `ApiVersions` itself that a release knows, by the releases that added one.
pub fn versions_of_api_versions(release: KafkaVersion) -> &'static [ApiVersion] {
    const LATEST: &[ApiVersion] = &[up_to(4, API_VERSIONS)];
    const BEFORE_3_9: &[ApiVersion] = &[up_to(3, API_VERSIONS)];
    const BEFORE_2_4: &[ApiVersion] = &[up_to(2, API_VERSIONS)];
    if release < KafkaVersion::new(2, 4) {
        BEFORE_2_4
    } else if release < KafkaVersion::V3_9 {
        BEFORE_3_9
    } else {
        LATEST
    }
}

impl WireBytes for ApiVersionsResponse {
    fn wire_bytes(&self) -> u64 {
        8 + self.api_keys.len() as u64 * 7
    }
}

const fn up_to(max_version: i16, api_key: i16) -> ApiVersion {
    ApiVersion {
        api_key,
        min_version: 0,
        max_version,
    }
}

/// What a broker of Kafka 3.9.1 in ZooKeeper mode knows, and says that it knows; clients of that release know the
/// same versions of these (CN6). Of none the oldest version is gone. There is no telemetry of clients among them, so that
/// none is sent (CN7).
pub static KNOWN_VERSIONS: &[ApiVersion] = &[
    up_to(11, 0),
    up_to(17, 1),
    up_to(9, 2),
    up_to(12, 3),
    up_to(7, 4),
    up_to(4, 5),
    up_to(8, 6),
    up_to(3, 7),
    up_to(9, 8),
    up_to(9, 9),
    up_to(6, 10),
    up_to(9, 11),
    up_to(4, 12),
    up_to(5, 13),
    up_to(5, 14),
    up_to(5, 15),
    up_to(5, 16),
    up_to(1, 17),
    up_to(4, 18),
    up_to(7, 19),
    up_to(6, 20),
    up_to(2, 21),
    up_to(5, 22),
    up_to(4, 23),
    up_to(5, 24),
    up_to(4, 25),
    up_to(4, 26),
    up_to(1, 27),
    up_to(4, 28),
    up_to(3, 29),
    up_to(3, 30),
    up_to(3, 31),
    up_to(4, 32),
    up_to(2, 33),
    up_to(2, 34),
    up_to(4, 35),
    up_to(2, 36),
    up_to(3, 37),
    up_to(3, 38),
    up_to(2, 39),
    up_to(2, 40),
    up_to(3, 41),
    up_to(2, 42),
    up_to(2, 43),
    up_to(1, 44),
    up_to(0, 45),
    up_to(0, 46),
    up_to(0, 47),
    up_to(1, 48),
    up_to(1, 49),
    up_to(0, 50),
    up_to(0, 51),
    up_to(3, 56),
    up_to(1, 57),
    up_to(0, 58),
    up_to(1, 60),
    up_to(0, 61),
    up_to(0, 65),
    up_to(1, 66),
    up_to(0, 67),
    up_to(0, 68),
    up_to(0, 69),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cn7_brokers_do_not_know_telemetry_of_clients() {
        for api_key in [71, 72] {
            assert_eq!(ApiVersion::of(KNOWN_VERSIONS, api_key), None);
        }
        assert!(ApiVersion::of(KNOWN_VERSIONS, API_VERSIONS).is_some());
    }
}
