//! `meta.properties`: whose data directory this is (classes MetaProperties, MetaPropertiesEnsemble).

use super::java_properties;
use bytes::Bytes;

pub const META_PROPERTIES: &str = "meta.properties";

/// What a broker finds in its data directory about itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MetaProperties {
    /// 0 in ZooKeeper mode, also where nothing is said; 1 in KRaft mode.
    pub version: i32,
    /// `broker.id` of version 0, which need not have it, or `node.id` of version 1.
    pub broker_id: Option<i32>,
    pub cluster_id: Option<String>,
    pub directory_id: Option<String>,
}

impl MetaProperties {
    /// The file's content. `now_ms` is the broker's wall clock: Java's properties carry the date.
    pub fn format(&self, now_ms: i64) -> Bytes {
        let mut text = format!("#\n#{}\n", java_date(now_ms));
        let mut line = |key: &str, value: &dyn std::fmt::Display| {
            text.push_str(&format!("{key}={value}\n"));
        };
        // In the order of Java's hash table.
        if let Some(broker_id) = &self.broker_id {
            line("broker.id", broker_id);
        }
        if let Some(directory_id) = &self.directory_id {
            line("directory.id", directory_id);
        }
        line("version", &self.version);
        if let Some(cluster_id) = &self.cluster_id {
            line("cluster.id", cluster_id);
        }
        text.into_bytes().into()
    }

    /// The problem in words if no broker could read it: its log directory has then failed (RL1). A file
    /// without content says nothing.
    pub fn parse(content: &[u8]) -> Result<MetaProperties, String> {
        let pairs = java_properties::parse(content)?;
        let get = |key: &str| java_properties::get(&pairs, key);
        let number = |key: &str| get(key).map(|value| whole_number(key, value)).transpose();
        let text = |key: &str| get(key).map(str::to_owned);
        let version = match get("version") {
            None => 0,
            Some(value) => whole_number("version", value.trim())?,
        };
        let meta = MetaProperties {
            version,
            broker_id: match version {
                0 => number("broker.id")?,
                1 => Some(number("node.id")?.ok_or("node.id is missing")?),
                other => return Err(format!("version {other} is unknown")),
            },
            cluster_id: text("cluster.id"),
            directory_id: text("directory.id"),
        };
        if version == 1 && meta.cluster_id.is_none() {
            return Err("cluster.id is missing".to_owned());
        }
        match &meta.directory_id {
            Some(id) if !is_uuid(id) => Err(format!("directory.id is no UUID: {id}")),
            _ => Ok(meta),
        }
    }

    /// Why this broker of this cluster does not start on the directory, if it does not (RL1).
    pub fn refusal(&self, broker: i32, cluster: &str) -> Option<String> {
        match self {
            MetaProperties { version: 1.., .. } => Some(format!(
                "has version {}, and a broker in ZooKeeper mode reads version 0 only",
                self.version
            )),
            MetaProperties {
                cluster_id: Some(id),
                ..
            } if id != cluster => Some(format!(
                "belongs to cluster {id}, this is cluster {cluster}"
            )),
            MetaProperties {
                broker_id: Some(id),
                ..
            } if *id != broker => Some(format!("belongs to broker {id}, this is broker {broker}")),
            _ => None,
        }
    }

    /// What stands there once this broker has started: what was missing is filled in.
    pub fn of(&self, broker: i32, cluster: &str) -> MetaProperties {
        MetaProperties {
            broker_id: Some(broker),
            cluster_id: Some(cluster.to_owned()),
            ..self.clone()
        }
    }
}

/// As Java's `Integer.parseInt`: no blanks.
fn whole_number(key: &str, value: &str) -> Result<i32, String> {
    let number = value.parse().ok();
    number.ok_or_else(|| format!("{key} is not a number: \"{value}\""))
}

/// 16 bytes in URL-safe base 64 without padding, as `Uuid.toString` writes them.
fn is_uuid(text: &str) -> bool {
    let digit = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    text.len() == 22 && text.bytes().all(digit)
}

/// As Java's `Date` prints it: `Sun Nov 22 15:55:09 UTC 2026`.
pub(super) fn java_date(ms: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let seconds = ms.div_euclid(1000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Days to civil date in years that begin in March, so that the leap day comes last.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + i64::from(month < 2);
    format!(
        "{} {} {day:02} {:02}:{:02}:{:02} UTC {year}",
        DAYS[days.rem_euclid(7) as usize],
        MONTHS[month as usize],
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rl1_text_is_kafkas() {
        let meta = MetaProperties::default().of(1, "Cq8qGcuZRsS7PR0MzfbjnA");
        let text = meta.format(1_795_362_909_123);
        assert_eq!(
            &text[..],
            b"#\n#Sun Nov 22 15:55:09 UTC 2026\nbroker.id=1\nversion=0\ncluster.id=Cq8qGcuZRsS7PR0MzfbjnA\n"
        );
        assert_eq!(MetaProperties::parse(&text), Ok(meta));
        assert_eq!(MetaProperties::parse(b""), Ok(MetaProperties::default()));
    }

    #[test]
    fn rl1_what_is_missing_is_no_fault_and_what_cannot_be_read_is() {
        let id = |text: &[u8]| MetaProperties::parse(text).map(|meta| meta.broker_id);
        assert_eq!(id(b"version=0\n"), Ok(None));
        assert_eq!(id(b"broker.id=7\n"), Ok(Some(7)));
        assert_eq!(id(b"version= 0 \nbroker.id:7\n"), Ok(Some(7)));
        // Version 0 knows no node.id, version 1 no broker.id.
        assert_eq!(id(b"version=0\nnode.id=9\n"), Ok(None));
        assert_eq!(id(b"version=1\nnode.id=9\ncluster.id=c\n"), Ok(Some(9)));
        for (text, problem) in [
            (&b"broker.id=x\n"[..], "broker.id is not a number: \"x\""),
            (b"broker.id=1 \n", "broker.id is not a number: \"1 \""),
            (b"version=1\nbroker.id=1\n", "node.id is missing"),
            (b"version=1\nnode.id=1\n", "cluster.id is missing"),
            (b"version=7\n", "version 7 is unknown"),
            (b"version=new\n", "version is not a number: \"new\""),
            (b"directory.id=here\n", "directory.id is no UUID: here"),
        ] {
            assert_eq!(id(text), Err(problem.to_owned()));
        }
    }

    #[test]
    fn rl1_another_broker_cluster_or_mode_is_refused() {
        let refusal = |text: &[u8]| MetaProperties::parse(text).unwrap().refusal(1, "c");
        assert_eq!(refusal(b""), None);
        assert_eq!(refusal(b"broker.id=1\ncluster.id=c\n"), None);
        for (text, why) in [
            (
                &b"broker.id=2\n"[..],
                "belongs to broker 2, this is broker 1",
            ),
            (b"cluster.id=d\n", "belongs to cluster d, this is cluster c"),
            (
                b"version=1\nnode.id=1\ncluster.id=c\n",
                "has version 1, and a broker in ZooKeeper mode reads version 0 only",
            ),
        ] {
            assert_eq!(refusal(text).as_deref(), Some(why));
        }
    }

    #[test]
    fn dates_are_javas() {
        assert_eq!(java_date(0), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(java_date(951_782_400_000), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(java_date(-1000), "Wed Dec 31 23:59:59 UTC 1969");
    }
}
