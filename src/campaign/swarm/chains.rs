//! Faults that follow one another: each is drawn after what the one before has begun, so that a failover, a
//! start or a catching up is hit in its middle. Single faults of random times hardly ever meet.

use super::draw::Random;
use super::faults::{broker, first_partition};
use super::{Budget, HEALED, SOMEBODY, ms};
use crate::plan::{
    Action, Entry, Number, Plan, Role, Slot, Targets, When, ZooKeeperClientPlan, ZooKeeperCommand,
};

/// Adds one to a plan in which processes may go.
pub fn draw(plan: Plan, random: &mut Random, budget: Budget) -> Plan {
    if !matches!(budget, Budget::Crashes | Budget::PowerFailures) {
        return plan;
    }
    let ensemble = plan.cluster.zookeeper.servers > 1;
    let mut chain = Chain {
        plan,
        random,
        now: 0,
    };
    chain.now = chain.random.range(6_000..13_000);
    match chain.random.range(0..10) {
        0..7 if budget == Budget::PowerFailures => chain.power_fails_after_a_clean_start(),
        _ if budget == Budget::PowerFailures => {}
        _ if ensemble && chain.random.percent(60) => match chain.random.range(0..3) {
            0 => chain.zookeepers_lose_power(),
            1 => chain.lonely_zookeeper_leader(),
            _ => chain.zookeepers_come_and_go(),
        },
        0 => chain.dies_while_it_stops(),
        1..4 => chain.leaders_in_turn(),
        4..7 => chain.follower_without_news(),
        7..9 => chain.joins_in_a_failover(),
        _ => chain.slow_controller(),
    }
    chain.plan
}

struct Chain<'a> {
    plan: Plan,
    random: &'a mut Random,
    /// When the next fault begins.
    now: u64,
}

impl Chain<'_> {
    /// A broker is told to stop, and dies before it has.
    fn dies_while_it_stops(&mut self) {
        let who = broker(self.random);
        if self.random.percent(60) {
            let far = self
                .random
                .of(&[Role::AllBrokers, Role::Controller])
                .clone();
            let cut = cut(who.clone(), far, true);
            self.lasting(cut, 2_000, 9_000);
            self.pass(100, 2_000);
        }
        self.once(Action::Stop(who.clone().into()));
        self.pass(20, 4_000);
        self.once(Action::Crash(who.clone().into()));
        self.pass(500, 6_000);
        self.once(Action::Restart(who.into()));
    }

    /// Brokers stop cleanly, and lose their power soon after they are back: the marker may come back too.
    fn power_fails_after_a_clean_start(&mut self) {
        let three = self.three();
        for _ in 0..self.random.range(1..4) {
            let who = self.random.of(&three).clone();
            self.once(Action::Stop(who.clone().into()));
            self.pass(1_500, 4_000);
            self.once(Action::Restart(who.clone().into()));
            self.pass(50, 2_500);
            self.once(Action::PowerFailure(who.clone().into()));
            self.pass(200, 2_000);
            self.once(Action::Restart(who.into()));
            self.pass(500, 4_000);
        }
    }

    /// Brokers do not reach each other well, and several lead one after the other before the ISR has shrunk.
    fn leaders_in_turn(&mut self) {
        self.lag(6_000, 15_000);
        let [a, b, c] = self.three();
        let cut_off = cut(a.clone(), b.clone(), self.random.percent(80));
        self.lasting(cut_off, 5_000, 14_000);
        match self.random.range(0..4) {
            0 => {
                let slow = self.slow(c.clone(), Role::AllBrokers, 100, 1_500);
                self.lasting(slow, 4_000, 14_000);
            }
            1 => {
                let other = cut(b.clone(), c.clone(), true);
                self.lasting(other, 3_000, 12_000);
            }
            2 => {
                let unheard = cut(Role::Controller, b.clone(), self.random.percent(60));
                self.lasting(unheard, 3_000, 16_000);
            }
            _ => {}
        }
        for _ in 0..self.random.range(2..6) {
            self.pass(400, 3_500);
            self.hand_over(&[a.clone(), b.clone(), c.clone()]);
        }
    }

    /// Somebody else is to lead.
    fn hand_over(&mut self, brokers: &[Role]) {
        let leader = || Role::LeaderOf {
            partition: first_partition(),
        };
        match self.random.range(0..8) {
            0..4 => self.once(Action::ElectPreferred(None)),
            4 => self.lasting(Action::Stop(leader().into()), 800, 4_000),
            5 => {
                let one = self.random.of(brokers).clone();
                self.lasting(Action::Stop(one.into()), 800, 4_000);
            }
            6 => self.lasting(Action::Crash(leader().into()), 300, 9_000),
            _ => self.lasting(Action::Pause(leader().into()), 300, 9_000),
        }
    }

    /// The preferred leader leads for a while, from a log that lacks something, and a follower does not hear of it.
    fn follower_without_news(&mut self) {
        self.lag(9_000, 15_000);
        let [preferred, leader, follower] = self.in_order();
        self.hand_to_the_second(&preferred);
        let apart = cut(leader, preferred.clone(), true);
        self.lasting(apart, 2_000, 6_000);
        self.pass(200, 1_500);
        let alone = self.random.percent(40);
        let far = match alone {
            true => Role::AllBrokers,
            false => Role::Controller,
        };
        self.lasting(cut(follower, far, true), 6_000, 13_000);
        self.pass(300, 1_500);
        self.once(Action::ElectPreferred(None));
        self.pass(2_000, 6_000);
        self.lasting(Action::Stop(preferred.into()), 1_000, 4_000);
        if alone {
            // Who takes over tells how things are, not how they became so.
            self.pass(300, 2_000);
            self.lasting(Action::Stop(Role::Controller.into()), 1_000, 5_000);
        }
    }

    /// A follower that was away has caught up but for a record or two, and is not in the ISR yet, when the leader
    /// changes; and the new leader hears late how much is committed.
    fn joins_in_a_failover(&mut self) {
        self.lag(6_000, 15_000);
        let [preferred, leader, follower] = self.in_order();
        self.hand_to_the_second(&preferred);
        self.lasting(Action::Stop(follower.clone().into()), 500, 2_000);
        self.pass(50, 400);
        self.lasting(cut(leader.clone(), Role::Controller, true), 3_000, 8_000);
        let fetches = self.slow(follower, Role::AllBrokers, 50, 600);
        self.lasting(fetches, 5_000, 9_000);
        if self.random.percent(50) {
            let late = self.slow(leader, preferred, 300, 3_000);
            self.lasting(late, 3_000, 8_000);
        }
        self.pass(1_500, 4_500);
        self.once(Action::ElectPreferred(None));
    }

    /// The preferred leader of the first partition stops, and is back at once: the second in line leads.
    fn hand_to_the_second(&mut self, preferred: &Role) {
        self.now = self.random.range(4_500..9_000);
        self.lasting(Action::Stop(preferred.clone().into()), 500, 1_500);
        self.pass(2_500, 4_000);
    }

    /// The controller's way to ZooKeeper is long while it has much to write; somebody may take its office away.
    fn slow_controller(&mut self) {
        let slow = self.slow(Role::Controller, Role::AllZooKeepers, 100, 1_200);
        self.lasting(slow, 6_000, 14_000);
        let [a, ..] = self.three();
        self.lasting(Action::Stop(a.into()), 1_000, 6_000);
        for _ in 0..self.random.range(1..4) {
            self.pass(300, 3_000);
            self.once(Action::ElectPreferred(None));
        }
        if self.random.percent(70) {
            self.pass(50, 2_500);
            self.ask("delete /controller");
        }
    }

    /// Power fails while syncs are slow or hang.
    fn zookeepers_lose_power(&mut self) {
        let servers = self
            .random
            .of(&[Role::AllZooKeepers, Role::ZooKeeperFollowers])
            .clone();
        let disk = match self.random.percent(60) {
            true => Action::HangSync(servers.clone().into()),
            false => Action::SlowDisk {
                targets: servers.clone().into(),
                times: self.random.range(50..800) as u32,
            },
        };
        self.lasting(disk, 1_000, 5_000);
        for command in ["create /trial first", "set /trial other"] {
            self.pass(50, 400);
            self.ask(command);
        }
        self.pass(100, 1_500);
        if servers == Role::ZooKeeperFollowers {
            self.lasting(Action::Crash(Role::ZooKeeperLeader.into()), 4_000, 10_000);
        }
        self.lasting(Action::PowerFailure(servers.into()), 300, 4_000);
    }

    /// The leader logs what nobody else gets.
    fn lonely_zookeeper_leader(&mut self) {
        let lonely = cut(Role::ZooKeeperLeader, Role::ZooKeeperFollowers, true);
        self.lasting(lonely, 3_000, 12_000);
        for command in ["create /trial first", "set /trial other"] {
            self.pass(20, 300);
            self.ask(command);
        }
        let who = broker(self.random);
        self.lasting(Action::Crash(who.into()), 500, 5_000);
    }

    /// Now this, now that server is away, so that quorums are made of others each time.
    fn zookeepers_come_and_go(&mut self) {
        let slow = Action::SlowDisk {
            targets: Role::AllZooKeepers.into(),
            times: self.random.range(20..900) as u32,
        };
        self.lasting(slow, 6_000, 15_000);
        for _ in 0..self.random.range(3..8) {
            let number = Number(self.random.range(1..4) as i32);
            let who: Targets = Role::ZooKeeper { number }.into();
            let gone = match self.random.percent(60) {
                true => Action::PowerFailure(who),
                false => Action::Crash(who),
            };
            self.lasting(gone, 800, 6_000);
            self.pass(100, 1_500);
            self.ask("set /trial other");
            self.pass(100, 1_500);
        }
    }

    // ---- links

    fn once(&mut self, action: Action) {
        let entry = Entry::new(When::At(ms(self.now)), action).optional();
        self.add(entry);
    }

    fn lasting(&mut self, action: Action, least: u64, most: u64) {
        let lasting = self.random.ms(least..most);
        let entry = Entry::new(When::At(ms(self.now)), action).optional();
        self.add(entry.lasting(lasting));
    }

    fn ask(&mut self, command: &str) {
        let clients = &self.plan.zookeeper_clients;
        if !clients.iter().any(|client| client.name == SOMEBODY) {
            self.plan = std::mem::replace(&mut self.plan, Plan::new(""))
                .zookeeper_client(ZooKeeperClientPlan::new(SOMEBODY));
        }
        let command = ZooKeeperCommand::read(command).expect("as one types it");
        let client = SOMEBODY.to_string();
        self.once(Action::AskZooKeeper { client, command });
    }

    /// Nothing begins after the healing.
    fn add(&mut self, entry: Entry) {
        if self.now < HEALED {
            self.plan.timeline.push(entry);
        }
    }

    fn pass(&mut self, least: u64, most: u64) {
        self.now += self.random.range(least..most);
    }

    fn slow(&mut self, a: Role, b: Role, least: u64, most: u64) -> Action {
        Action::SlowLink {
            a: a.into(),
            b: b.into(),
            by: self.random.ms(least..most),
        }
    }

    /// Nobody leaves the ISR before so long.
    fn lag(&mut self, least: u64, most: u64) {
        let lag = self.random.range(least..most);
        let config = &mut self.plan.cluster.config;
        config.insert("replica.lag.time.max.ms".into(), lag.to_string());
    }

    /// The brokers as the first partition names them: the first is to lead.
    fn in_order(&self) -> [Role; 3] {
        let replicas = &self.plan.topics[0].assignment[0];
        [0, 1, 2].map(|at| Role::broker(replicas[at]))
    }

    /// The three brokers with replicas, in an order drawn.
    fn three(&mut self) -> [Role; 3] {
        let mut ids = [1, 2, 3];
        ids.rotate_left(self.random.range(0..3) as usize);
        if self.random.percent(50) {
            ids.swap(1, 2);
        }
        ids.map(Role::broker)
    }
}

fn cut(from: Role, to: Role, both: bool) -> Action {
    Action::Cut {
        from: from.into(),
        to: to.into(),
        both,
    }
}
