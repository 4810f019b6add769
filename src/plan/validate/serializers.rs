//! Checks schemas, serializers and what they are given to write.

use super::{Check, Checked, config_problem, with_suggestion};
use crate::plan::{
    ConsumerPlan, Key, Poison, PositionField, Problem, ProducerPlan, Value, truck_name,
};
use crate::protocol::config::{SerializerConfig, nearest};
use crate::serialization::{Class, Double, Format, ParsedSchema, Serializer, Value as Object};
use std::rc::Rc;

/// Schemas by their names.
pub(super) type Schemas = Vec<(String, ParsedSchema)>;

/// A client's key or value.
struct End<'a> {
    room: &'static str,
    client: &'a str,
    /// `key` or `value`
    part: &'static str,
    /// `serializer` or `deserializer`
    what: &'static str,
    class: Option<Class>,
    schema: &'a Option<String>,
}

/// A time in milliseconds as records have it: it fits no int.
const SOME_TIME_MS: i64 = 1_795_330_000_000;

impl Check<'_> {
    pub(super) fn schemas(&mut self) -> Result<Schemas, Problem> {
        let mut schemas = Schemas::new();
        for plan in &self.plan.schemas {
            let language = plan.language.to_string();
            let path = ["schemas", plan.name.as_str(), language.as_str()];
            let parsed = ParsedSchema::parse(plan.language, &plan.text).map_err(|error| {
                let problem = Problem::new(path, format!("no schema: {}", error.what));
                let problem = problem.inside(error.place);
                match error.expected {
                    Some(expected) => problem.expected(expected),
                    None => problem,
                }
            })?;
            schemas.push((plan.name.clone(), parsed));
        }
        if self.plan.schema_registry.is_some() && !self.asks_a_registry() {
            self.warnings.push(
                Problem::new(["schema_registry"], "nobody asks this schema registry").on_key(),
            );
        }
        Ok(schemas)
    }

    pub(super) fn serializers(&self, producer: &ProducerPlan, schemas: &Schemas) -> Checked {
        let at = config_at("producers", &producer.name);
        let config = SerializerConfig::of_producer(&producer.config)
            .map_err(|error| config_problem(error, &at))?;
        let end = |part, class, schema| End {
            room: "producers",
            client: &producer.name,
            part,
            what: "serializer",
            class,
            schema,
        };
        let key = end("key", config.key, &producer.key_schema);
        let value = end("value", config.value, &producer.value_schema);
        let key_schema = self.schema_of(&key, schemas)?;
        let value_schema = self.schema_of(&value, schemas)?;
        let writes = |class: Option<Class>, charset, schema: Option<ParsedSchema>| {
            class.map(|class| Serializer {
                class,
                charset,
                schemas_enable: config.schemas_enable,
                schema: schema.map(|schema| Rc::clone(&schema.schema)),
            })
        };
        let key_writer = writes(config.key, config.key_charset, key_schema);
        let value_writer = writes(config.value, config.value_charset, value_schema);
        fits(&key, key_writer, key_of(producer))?;
        fits(&value, value_writer, value_of(producer))
    }

    pub(super) fn deserializers(&self, consumer: &ConsumerPlan, schemas: &Schemas) -> Checked {
        let at = config_at("consumers", &consumer.name);
        let config = SerializerConfig::of_consumer(&consumer.config)
            .map_err(|error| config_problem(error, &at))?;
        let end = |part, class, schema| End {
            room: "consumers",
            client: &consumer.name,
            part,
            what: "deserializer",
            class,
            schema,
        };
        self.schema_of(&end("key", config.key, &consumer.key_schema), schemas)?;
        self.schema_of(&end("value", config.value, &consumer.value_schema), schemas)?;
        let path = || {
            vec![
                "consumers".to_string(),
                consumer.name.clone(),
                "poison".to_string(),
            ]
        };
        if consumer.poison.is_some() && config.key.is_none() && config.value.is_none() {
            return Err(
                Problem::new(path(), "poison, and no deserializer that could fail")
                    .on_key()
                    .expected("value.deserializer or key.deserializer in config, or no poison"),
            );
        }
        match &consumer.poison {
            Some(Poison::DeadLetter(topic)) => {
                let mut place = path();
                place.push("dead_letter".to_string());
                if consumer.reads_topic(topic) {
                    return Err(Problem::new(place, format!("it reads \"{topic}\" itself"))
                        .expected("a topic that it does not read"));
                }
                self.topic_there(topic, place)
            }
            _ => Ok(()),
        }
    }

    fn asks_a_registry(&self) -> bool {
        let producers = self.plan.producers.iter();
        let mut producers = producers.map(|it| SerializerConfig::of_producer(&it.config));
        let consumers = self.plan.consumers.iter();
        let mut consumers = consumers.map(|it| SerializerConfig::of_consumer(&it.config));
        let asks = |config: Result<SerializerConfig, _>| {
            config.is_ok_and(|config: SerializerConfig| config.needs_registry())
        };
        producers.any(asks) || consumers.any(asks)
    }

    /// The schema that is named, if one is.
    fn schema_of(&self, end: &End<'_>, schemas: &Schemas) -> Result<Option<ParsedSchema>, Problem> {
        let key = format!("{}_schema", end.part);
        let path = [end.room, end.client, key.as_str()];
        let setting = format!("{}.{}", end.part, end.what);
        let is_serializer = end.what == "serializer";
        let class = end.class.filter(|class| match is_serializer {
            true => class.format.may_write_by_schema(),
            false => class.format.has_schema(),
        });
        if end.class.is_some_and(|class| class.registry) && self.plan.schema_registry.is_none() {
            let at = [end.room, end.client, "config", setting.as_str()];
            return Err(Problem::new(at, "there is no schema registry to ask").expected(
                "schema_registry: {compatibility: backward} at the top of the scenario, or avro or protobuf, which need none",
            ));
        }
        let reads_by_id = !is_serializer && class.is_some_and(|class| class.registry);
        let Some(name) = end.schema else {
            return match class {
                Some(class) if class.format.has_schema() && !reads_by_id => {
                    let at = [end.room, end.client, "config", setting.as_str()];
                    Err(
                        Problem::new(at, format!("{} without a schema", class.format)).expected(
                            format!("{key}: NAME beside config, of one that stands under schemas"),
                        ),
                    )
                }
                _ => Ok(None),
            };
        };
        let Some(class) = class else {
            let formats = match is_serializer {
                true => "avro, protobuf or connect-json",
                false => "avro or protobuf",
            };
            return Err(
                Problem::new(path, format!("a schema, and no {setting} that goes by one"))
                    .on_key()
                    .expected(format!("{setting}: {formats} in config, or no {key}")),
            );
        };
        let Some((_, schema)) = schemas.iter().find(|(known, _)| known == name) else {
            let names: Vec<&str> = schemas.iter().map(|(name, _)| name.as_str()).collect();
            let expected = match names[..] {
                [] => "a schema that stands under schemas (there is none)".to_string(),
                _ => format!("one of {}", names.join(", ")),
            };
            let problem =
                Problem::new(path, format!("there is no schema \"{name}\"")).expected(expected);
            return Err(with_suggestion(
                problem,
                nearest(name, names.iter().copied()),
            ));
        };
        let language = schema.schema.schema_type().to_string();
        match language == class.format.name() {
            true => Ok(Some(schema.clone())),
            false => Err(
                Problem::new(path, format!("\"{name}\" is a schema of {language}"))
                    .expected(format!("one of {}, as {setting} says", class.format)),
            ),
        }
    }
}

/// What a producer writes is what its serializer writes.
fn fits(end: &End<'_>, serializer: Option<Serializer>, object: Object) -> Checked {
    let Some(serializer) = serializer else {
        return Ok(());
    };
    let class = serializer.class;
    // The application makes text of anything.
    if matches!(class.format, Format::String | Format::Bytes) {
        return Ok(());
    }
    let misfit = match serializer.serialize(&object, Some(1)) {
        Ok(_) => return Ok(()),
        Err(misfit) => misfit,
    };
    Err(Problem::new(
        [end.room, end.client, end.part],
        format!(
            "a {} that its serializer does not write: {misfit}",
            end.part
        ),
    )
    .expected(format!(
        "{}, as {}.serializer says",
        class.format.takes(),
        end.part
    )))
}

/// A key such as the producer makes.
fn key_of(producer: &ProducerPlan) -> Object {
    match &producer.key {
        Key::None => Object::Null,
        Key::TruckId => Object::Text(truck_name(1)),
        Key::TruckNumber => Object::Whole(1),
        Key::Constant(text) => Object::Text(text.clone()),
        Key::Cycle(_) => Object::Text("key-1".to_owned()),
    }
}

/// A value such as the producer makes.
fn value_of(producer: &ProducerPlan) -> Object {
    let degrees = || Object::Double(Double::from_millionths(52_520_001));
    let field = |name: &str, value| (name.to_owned(), value);
    let of_field = |field| match field {
        PositionField::Truck => Object::Text(truck_name(1)),
        PositionField::Number => Object::Whole(1),
        PositionField::Time => Object::Whole(SOME_TIME_MS),
        PositionField::Latitude | PositionField::Longitude => degrees(),
    };
    match &producer.value {
        Value::Position => Object::Record(vec![
            field("truck", of_field(PositionField::Truck)),
            field("number", of_field(PositionField::Number)),
            field("time", of_field(PositionField::Time)),
            field("latitude", degrees()),
            field("longitude", degrees()),
        ]),
        Value::PositionField(field) => of_field(*field),
        Value::Null => Object::Null,
        Value::Number => Object::Whole(1),
        Value::Constant(text) => Object::Text(text.clone()),
        Value::Bytes(size) => {
            Object::Bytes(vec![b'.'; usize::try_from(*size).unwrap_or(0).min(64)])
        }
    }
}

fn config_at<'a>(room: &'a str, client: &'a str) -> impl Fn(&str) -> Vec<String> + 'a {
    move |key: &str| {
        vec![
            room.to_string(),
            client.to_string(),
            "config".into(),
            key.to_string(),
        ]
    }
}
