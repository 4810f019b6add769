//! Where a broker listens and what it says of that: `listeners`, `advertised.listeners`,
//! `listener.security.protocol.map`, `inter.broker.listener.name` (class `KafkaConfig`, `SocketServerConfigs`,
//! `CoreUtils.listenerListToEndPoints`; CT34).
//!
//! What Kafka refuses at the start is refused here. Listeners are PLAINTEXT: encryption and logins are not
//! modelled.

use super::ConfigError;
use super::values::Values;
use crate::protocol::{Listener, ListenerName, is_localhost};
use std::collections::BTreeSet;
use std::rc::Rc;

const LISTENERS: &str = "listeners";
const ADVERTISED: &str = "advertised.listeners";
const PROTOCOLS: &str = "listener.security.protocol.map";
const INTER_BROKER: &str = "inter.broker.listener.name";
const DEFAULT_PORT: u16 = 9092;
const SECURITY_PROTOCOLS: [&str; 4] = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"];

/// A broker's listeners.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listeners {
    /// Not empty; names and ports differ.
    pub bound: Vec<Named>,
    /// Some of them, as others are told to reach them.
    advertised: Vec<Named>,
    /// By which brokers speak to each other.
    pub inter_broker: ListenerName,
}

/// A listener as it is written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Named {
    pub name: ListenerName,
    /// Empty: the machine's own name, or all of its addresses.
    pub host: Rc<str>,
    pub port: u16,
}

impl Named {
    /// It takes in who comes from its own machine only.
    pub fn is_local(&self) -> bool {
        is_localhost(&self.host)
    }
}

impl Default for Listeners {
    /// `PLAINTEXT://:9092`
    fn default() -> Self {
        let only = Named {
            name: ListenerName::default(),
            host: "".into(),
            port: DEFAULT_PORT,
        };
        Listeners {
            bound: vec![only.clone()],
            advertised: vec![only],
            inter_broker: ListenerName::default(),
        }
    }
}

impl Listeners {
    /// What is registered of a broker on the machine of this name.
    pub fn advertised(&self, machine: &Rc<str>) -> Vec<Listener> {
        let listener = |named: &Named| Listener {
            name: named.name.clone(),
            host: match &*named.host {
                "" => Rc::clone(machine),
                _ => Rc::clone(&named.host),
            },
            port: i32::from(named.port),
        };
        self.advertised.iter().map(listener).collect()
    }

    /// The listener on that port; the first, if the port is nobody's.
    pub fn on_port(&self, port: u16) -> &ListenerName {
        let found = self.bound.iter().find(|it| it.port == port);
        &found.unwrap_or(&self.bound[0]).name
    }

    /// The port on which brokers listen for each other.
    pub fn inter_broker_port(&self) -> u16 {
        let found = self.bound.iter().find(|it| it.name == self.inter_broker);
        found.unwrap_or(&self.bound[0]).port
    }

    pub(super) fn read(values: &Values<'_>) -> Result<Listeners, ConfigError> {
        let protocols = protocols(values)?;
        let default = Listeners::default();
        let bound = match values.text(LISTENERS) {
            Some(text) => endpoints(LISTENERS, text, &protocols)?,
            None => default.bound,
        };
        let mut ports = BTreeSet::new();
        if !bound.iter().all(|it| ports.insert(it.port)) {
            return Err(refused(
                LISTENERS,
                values,
                "a port of its own for each listener",
            ));
        }
        let advertised = match values.text(ADVERTISED) {
            Some(text) => endpoints(ADVERTISED, text, &protocols)?,
            None => bound.clone(),
        };
        if advertised.iter().any(|it| &*it.host == "0.0.0.0") {
            let key = if values.text(ADVERTISED).is_some() {
                ADVERTISED
            } else {
                LISTENERS
            };
            return Err(refused(
                key,
                values,
                "hosts that others can reach: 0.0.0.0 can be listened on, and not advertised (advertised.listeners)",
            ));
        }
        let names = |of: &[Named]| {
            let names: Vec<&str> = of.iter().map(|it| &*it.name.0).collect();
            names.join(", ")
        };
        let is_bound = |named: &Named| bound.iter().any(|it| it.name == named.name);
        if !advertised.iter().all(is_bound) {
            let expected = format!("names that listeners has: {}", names(&bound));
            return Err(refused(ADVERTISED, values, &expected));
        }
        let inter_broker = match values.text(INTER_BROKER) {
            Some(name) => ListenerName(name.to_uppercase().into()),
            None => ListenerName::default(),
        };
        if !advertised.iter().any(|it| it.name == inter_broker) {
            let expected = format!(
                "the name of an advertised listener ({}) in {INTER_BROKER}, by which brokers speak to each other",
                names(&advertised)
            );
            let key = [INTER_BROKER, ADVERTISED, LISTENERS];
            let key = key.into_iter().find(|key| values.text(key).is_some());
            return Err(refused(key.unwrap_or(INTER_BROKER), values, &expected));
        }
        Ok(Listeners {
            bound,
            advertised,
            inter_broker,
        })
    }
}

/// Names of listeners that are PLAINTEXT, and of all others.
fn protocols(values: &Values<'_>) -> Result<Vec<(String, String)>, ConfigError> {
    let Some(text) = values.text(PROTOCOLS) else {
        let own = |name: &&str| (name.to_string(), name.to_string());
        return Ok(SECURITY_PROTOCOLS.iter().map(own).collect());
    };
    let pair = |item: &str| {
        let (name, protocol) = item.trim().split_once(':')?;
        let (name, protocol) = (name.trim().to_uppercase(), protocol.trim().to_uppercase());
        (!name.is_empty() && SECURITY_PROTOCOLS.contains(&&*protocol)).then_some((name, protocol))
    };
    let pairs: Option<Vec<_>> = text.split(',').map(pair).collect();
    let pairs = pairs.ok_or_else(|| {
        let expected = "names and protocols such as INTERNAL:PLAINTEXT, with commas between";
        refused(PROTOCOLS, values, expected)
    })?;
    let mut names = BTreeSet::new();
    match pairs.iter().all(|(name, _)| names.insert(name.clone())) {
        true => Ok(pairs),
        false => Err(refused(PROTOCOLS, values, "each listener once")),
    }
}

fn endpoints(
    key: &'static str,
    text: &str,
    protocols: &[(String, String)],
) -> Result<Vec<Named>, ConfigError> {
    let wrong = |expected: String| ConfigError::Value {
        key,
        value: text.to_string(),
        expected,
    };
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for item in text.split(',').map(str::trim) {
        let parts = item.split_once("://").and_then(|(name, place)| {
            let (host, port) = place.rsplit_once(':')?;
            Some((name.to_uppercase(), host, port.parse::<u16>().ok()?))
        });
        let Some((name, host, port @ 1..)) = parts else {
            return Err(wrong(
                "listeners such as PLAINTEXT://host:9092, with commas between and ports from 1 to 65535"
                    .to_string(),
            ));
        };
        match protocols.iter().find(|(known, _)| *known == name) {
            None => {
                return Err(wrong(format!(
                    "listeners of which {PROTOCOLS} knows the protocol; it does not know {name}"
                )));
            }
            Some((_, protocol)) if protocol != "PLAINTEXT" => {
                return Err(wrong(format!(
                    "PLAINTEXT listeners; {protocol} is not modelled, as encryption and logins are not"
                )));
            }
            Some(_) => {}
        }
        if !names.insert(name.clone()) {
            return Err(wrong("a name of its own for each listener".to_string()));
        }
        all.push(Named {
            name: ListenerName(name.into()),
            host: host.into(),
            port,
        });
    }
    Ok(all)
}

fn refused(key: &'static str, values: &Values<'_>, expected: &str) -> ConfigError {
    ConfigError::Value {
        key,
        value: values.text(key).unwrap_or_default().to_string(),
        expected: expected.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::config::{BrokerConfig, KafkaVersion};

    fn read(pairs: &[(&str, &str)]) -> Result<BrokerConfig, String> {
        let pairs = pairs.iter();
        let properties = pairs.map(|(key, value)| (key.to_string(), value.to_string()));
        BrokerConfig::from_properties(&properties.collect(), KafkaVersion::V3_9)
            .map_err(|error| error.to_string())
    }

    const TWO: (&str, &str) = ("listeners", "inside://:9092,OUTSIDE://0.0.0.0:9094");
    const MAP: (&str, &str) = (
        "listener.security.protocol.map",
        "INSIDE:PLAINTEXT,OUTSIDE:PLAINTEXT",
    );
    const INSIDE: (&str, &str) = ("inter.broker.listener.name", "INSIDE");

    #[test]
    fn ct34_a_broker_says_where_each_listener_is_to_be_reached() {
        let advertised = (
            "advertised.listeners",
            "INSIDE://:9092,OUTSIDE://localhost:29094",
        );
        let listeners = read(&[TWO, MAP, INSIDE, advertised]).unwrap().listeners;
        let texts = listeners.advertised(&"broker-1".into());
        let texts: Vec<String> = texts
            .iter()
            .map(|it| format!("{}://{}:{}", it.name.0, it.host, it.port))
            .collect();
        assert_eq!(
            texts,
            ["INSIDE://broker-1:9092", "OUTSIDE://localhost:29094"]
        );
        assert_eq!(&*listeners.on_port(9094).0, "OUTSIDE");
        assert_eq!(listeners.inter_broker_port(), 9092);
        let default = read(&[]).unwrap().listeners;
        assert_eq!(default, super::Listeners::default());
    }

    #[test]
    fn ct34_what_kafka_refuses_of_listeners_at_the_start_is_refused() {
        let cases: &[(&[(&str, &str)], &str)] = &[
            (&[("listeners", "9092")], "listeners such as"),
            (&[("listeners", "PLAINTEXT://:0")], "ports from 1"),
            (&[("listeners", "INSIDE://:9092")], "does not know INSIDE"),
            (&[("listeners", "SSL://:9092")], "SSL is not modelled"),
            (
                &[("listeners", "PLAINTEXT://:9092,PLAINTEXT://:9093")],
                "a name of its own",
            ),
            (
                &[MAP, INSIDE, ("listeners", "INSIDE://:9092,OUTSIDE://:9092")],
                "a port of its own",
            ),
            (
                &[("listeners", "PLAINTEXT://0.0.0.0:9092")],
                "not advertised",
            ),
            (
                &[("advertised.listeners", "PLAINTEXT://0.0.0.0:9092")],
                "not advertised",
            ),
            (
                &[
                    MAP,
                    INSIDE,
                    ("listeners", "INSIDE://:9092"),
                    ("advertised.listeners", "OUTSIDE://a:1"),
                ],
                "names that listeners has: INSIDE",
            ),
            (
                &[MAP, ("listeners", "INSIDE://:9092")],
                "the name of an advertised listener (INSIDE)",
            ),
            (
                &[("listener.security.protocol.map", "INSIDE")],
                "names and protocols",
            ),
        ];
        for (pairs, expected) in cases {
            let error = read(pairs).expect_err(expected);
            assert!(error.contains(expected), "{pairs:?}: {error}");
        }
    }
}
