//! The start of a broker process, in Kafka's order (CT25, RK1): top-level paths and the cluster's id,
//! logs, registration, then the controller role, the configuration watcher, and requests.

use super::{KafkaServer, Stage};
use crate::broker::LoadProgress;
use crate::controller::ControllerInput;
use crate::kernel::Duration;
use crate::kernel::task::Task;
use crate::protocol::{Ctx, Fact, ServerTimer, Timer, TopicId};
use crate::zookeeper_mode::ConfigWatcherInput;
use crate::zookeeper_mode::{BrokerInfo, RegistrationError, registration};
use std::cell::RefCell;
use std::rc::Rc;

impl KafkaServer {
    pub(super) fn prepare(&mut self, ctx: &mut Ctx<'_>) {
        let slot = Rc::new(RefCell::new(None));
        let mut id = [0u8; 16];
        id[..8].copy_from_slice(&ctx.random().next_u64().to_be_bytes());
        id[8..].copy_from_slice(&ctx.random().next_u64().to_be_bytes());
        let proposed = TopicId(id).to_string();
        let (calls, result) = (self.calls.clone(), Rc::clone(&slot));
        let task = Task::new(async move {
            let made = match registration::create_persistent_paths(&calls).await {
                Ok(()) => registration::get_or_create_cluster_id(&calls, &proposed).await,
                Err(code) => Err(code),
            };
            *result.borrow_mut() = Some(made);
        });
        self.stage = Stage::Preparing(task, slot);
        self.advance_start(ctx);
    }

    fn register(&mut self, ctx: &mut Ctx<'_>) {
        let Some(session) = self.zk.session.session_id() else {
            return self.exit(
                1,
                "the ZooKeeper session ended while the broker was starting",
                ctx,
            );
        };
        let slot = Rc::new(RefCell::new(None));
        let info = BrokerInfo {
            broker: self.setup.broker(),
            timestamp_ms: ctx.wall_ms(),
        };
        let (calls, result) = (self.calls.clone(), Rc::clone(&slot));
        let task = Task::new(async move {
            let registered = registration::register_broker(&calls, session, 0, &info).await;
            *result.borrow_mut() = Some(registered);
        });
        self.stage = Stage::Registering(task, slot);
        self.advance_start(ctx);
    }

    /// Looks whether the part of the start that asks ZooKeeper has come to its end.
    pub(super) fn advance_start(&mut self, ctx: &mut Ctx<'_>) {
        match &mut self.stage {
            Stage::Preparing(task, slot) => {
                task.poll();
                let Some(result) = slot.borrow_mut().take() else {
                    return;
                };
                match result {
                    Ok(cluster_id) => {
                        self.cluster_id = cluster_id;
                        self.stage = Stage::Loading;
                        ctx.set_timer(Duration::ZERO, Timer::Server(ServerTimer::Load));
                    }
                    Err(code) => self.exit(
                        1,
                        &format!("ZooKeeper answered {code} while the broker was starting"),
                        ctx,
                    ),
                }
            }
            Stage::Registering(task, slot) => {
                task.poll();
                let Some(result) = slot.borrow_mut().take() else {
                    return;
                };
                match result {
                    Ok(broker_epoch) => self.serve(broker_epoch, ctx),
                    Err(RegistrationError::NodeExists { owner }) => {
                        ctx.fact(Fact::RegistrationRefused { owner });
                        self.broker.shutdown_replicas(ctx);
                        self.fail(
                            "its id in /brokers/ids belongs to another session that still lives",
                            ctx,
                        );
                    }
                    Err(RegistrationError::ZooKeeper(code)) => {
                        self.exit(
                            1,
                            &format!("ZooKeeper answered {code} to the registration"),
                            ctx,
                        );
                    }
                }
            }
            _ => {}
        }
    }

    pub(super) fn load(&mut self, ctx: &mut Ctx<'_>) {
        if !matches!(self.stage, Stage::Loading) {
            return;
        }
        let cluster_id = Rc::clone(&self.cluster_id);
        match self.broker.load_logs(ctx, &cluster_id) {
            Ok(LoadProgress::More) => {
                ctx.set_timer(Duration::ZERO, Timer::Server(ServerTimer::Load));
            }
            Ok(LoadProgress::WaitsForConfigurations) => {}
            Ok(LoadProgress::Done) => self.register(ctx),
            Err(failed) if failed.halts => self.exit(failed.status, &failed.why, ctx),
            Err(failed) => self.fail(&failed.why, ctx),
        }
    }

    fn serve(&mut self, broker_epoch: i64, ctx: &mut Ctx<'_>) {
        ctx.fact(Fact::Registered { broker_epoch });
        self.broker.set_broker_epoch(broker_epoch);
        let session = self.zk.session.session_id().unwrap_or_default();
        self.stage = Stage::Running;
        self.controller_started = true;
        self.controller.input(
            ctx.wall_ms(),
            ControllerInput::Startup {
                session,
                broker_epoch,
            },
        );
        self.config_watcher
            .input(ctx.wall_ms(), ConfigWatcherInput::Startup);
        self.broker.start_serving(ctx);
    }
}
