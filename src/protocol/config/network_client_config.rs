//! What a client of any kind is told about its connections (`NetworkClient`).

/// Kafka's client settings for connections. Milliseconds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NetworkClientConfig {
    /// `reconnect.backoff.ms`
    pub reconnect_backoff_ms: u64,
    /// `reconnect.backoff.max.ms`
    pub reconnect_backoff_max_ms: u64,
    /// `socket.connection.setup.timeout.ms`
    pub connection_setup_timeout_ms: u64,
    /// `socket.connection.setup.timeout.max.ms`
    pub connection_setup_timeout_max_ms: u64,
    /// `max.in.flight.requests.per.connection`
    pub max_in_flight: u32,
    /// `request.timeout.ms`, for what the client asks by itself.
    pub request_timeout_ms: u64,
    /// CN12: `connections.max.idle.ms`; none: no connection is closed for want of use.
    pub connections_max_idle_ms: Option<u64>,
    /// Asks first which requests the other side knows (`discoverBrokerVersions`).
    pub discover_broker_versions: bool,
}

impl Default for NetworkClientConfig {
    fn default() -> Self {
        NetworkClientConfig {
            reconnect_backoff_ms: 50,
            reconnect_backoff_max_ms: 1000,
            connection_setup_timeout_ms: 10_000,
            connection_setup_timeout_max_ms: 30_000,
            max_in_flight: 5,
            request_timeout_ms: 30_000,
            connections_max_idle_ms: None,
            discover_broker_versions: true,
        }
    }
}
