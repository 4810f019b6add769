//! The first question on each connection: which requests the other side knows (CN3, CN4).
//!
//! It takes the place of a request in flight, and nothing else is sent before its answer.

use super::peer::Link;
use super::{Disconnected, NetworkClient};
use crate::kernel::{CloseReason, ConnId, Duration};
use crate::protocol::{API_VERSIONS, ApiVersion, ApiVersionsRequest, Ctx, ErrorCode, Response};

impl<T: Clone + std::fmt::Debug> NetworkClient<T> {
    /// CN3.
    pub(super) fn check_api_versions(&mut self, ctx: &mut Ctx<'_>, id: i32, conn: ConnId) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.link = Link::CheckingApiVersions(conn);
        }
        self.ask_api_versions(ctx, id, conn, ApiVersionsRequest::LATEST_VERSION);
    }

    fn ask_api_versions(&mut self, ctx: &mut Ctx<'_>, id: i32, conn: ConnId, version: i16) {
        if let Some(peer) = self.peers.get_mut(&id) {
            peer.api_versions_asked = version;
        }
        let timeout = Duration::from_millis(self.config.request_timeout_ms);
        let request = ApiVersionsRequest::of_java(version);
        self.write_and_wait(ctx, id, conn, request.into(), timeout, None);
    }

    /// CN4.
    pub(super) fn on_api_versions(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: i32,
        conn: ConnId,
        response: Response,
    ) {
        let Response::ApiVersions(response) = response else {
            unreachable!("ApiVersions is not answered by {}", response.name());
        };
        let Some(peer) = self.peers.get_mut(&id) else {
            return;
        };
        match response.error {
            ErrorCode::None => {
                peer.api_versions = Some(response.api_keys);
                self.on_ready(ctx, id, conn);
            }
            ErrorCode::UnsupportedVersion if peer.api_versions_asked > 0 => {
                let known = ApiVersion::of(response.api_keys, API_VERSIONS);
                let version = known.map_or(0, |known| known.max_version);
                self.ask_api_versions(ctx, id, conn, version);
            }
            _ => {
                ctx.close(conn);
                let reason = CloseReason::ByPeer;
                let failed = self.lost(
                    ctx,
                    id,
                    reason,
                    Disconnected::InFlight(reason),
                    Disconnected::NotSent(reason),
                );
                for completed in failed {
                    self.end_soon(ctx, completed);
                }
            }
        }
    }
}
