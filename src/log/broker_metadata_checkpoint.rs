//! `meta.properties`: whose data directory this is (class MetaProperties, in ZooKeeper mode).

use bytes::Bytes;

pub const META_PROPERTIES: &str = "meta.properties";

/// What a broker finds in its data directory about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetaProperties {
    pub broker_id: i32,
    pub cluster_id: Option<String>,
}

impl MetaProperties {
    /// The file's content. `now_ms` is the broker's wall clock: Java's properties carry the date.
    pub fn format(&self, now_ms: i64) -> Bytes {
        let mut text = format!(
            "#\n#{}\nbroker.id={}\nversion=0\n",
            java_date(now_ms),
            self.broker_id
        );
        if let Some(cluster_id) = &self.cluster_id {
            text.push_str(&format!("cluster.id={cluster_id}\n"));
        }
        text.into_bytes().into()
    }

    /// `None` if the file is empty, which counts as absent (RL1); the problem in words if it is bad.
    pub fn parse(content: &[u8]) -> Result<Option<MetaProperties>, String> {
        let text = std::str::from_utf8(content).map_err(|_| "not UTF-8".to_owned())?;
        let (mut broker_id, mut cluster_id, mut version) = (None, None, None);
        for line in text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '!']))
        {
            let (key, value) = line.split_once(['=', ':']).unwrap_or((line, ""));
            let (key, value) = (key.trim(), value.trim());
            match key {
                "broker.id" | "node.id" => {
                    broker_id = Some(
                        value
                            .parse()
                            .map_err(|_| format!("{key} is not a number: {value}"))?,
                    );
                }
                "cluster.id" => cluster_id = Some(value.to_owned()),
                "version" => version = Some(value.to_owned()),
                _ => {}
            }
        }
        if broker_id.is_none() && cluster_id.is_none() && version.is_none() {
            return Ok(None);
        }
        if let Some(version) = version.filter(|version| version != "0") {
            return Err(format!(
                "version {version} is not that of ZooKeeper mode, 0"
            ));
        }
        let broker_id = broker_id.ok_or("broker.id is missing")?;
        Ok(Some(MetaProperties {
            broker_id,
            cluster_id,
        }))
    }
}

/// As Java's `Date` prints it: `Sun Nov 22 15:55:09 UTC 2026`.
fn java_date(ms: i64) -> String {
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
        let meta = MetaProperties {
            broker_id: 1,
            cluster_id: Some("Cq8qGcuZRsS7PR0MzfbjnA".into()),
        };
        let text = meta.format(1_795_362_909_123);
        assert_eq!(
            &text[..],
            b"#\n#Sun Nov 22 15:55:09 UTC 2026\nbroker.id=1\nversion=0\ncluster.id=Cq8qGcuZRsS7PR0MzfbjnA\n"
        );
        assert_eq!(MetaProperties::parse(&text), Ok(Some(meta)));
        assert_eq!(MetaProperties::parse(b""), Ok(None));
        assert!(MetaProperties::parse(b"broker.id=x\n").is_err());
    }

    #[test]
    fn dates_are_javas() {
        assert_eq!(java_date(0), "Thu Jan 01 00:00:00 UTC 1970");
        assert_eq!(java_date(951_782_400_000), "Tue Feb 29 00:00:00 UTC 2000");
        assert_eq!(java_date(-1000), "Wed Dec 31 23:59:59 UTC 1969");
    }
}
