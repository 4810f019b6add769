//! The text files of a log directory, an entry a line; Kafka's dump tool does not read them (RL1, L11,
//! section 12 A).

use super::{Dump, File, Unreadable};
use serde_json::{Map, Value};

/// What an entry's columns are called.
const OFFSETS: &[&str] = &["topic", "partition", "offset"];
const EPOCHS: &[&str] = &["epoch", "startOffset"];

/// Whether a file of that name is dumped here.
pub(super) fn knows(name: &str) -> bool {
    columns(name).is_some()
        || matches!(
            name,
            "meta.properties" | "partition.metadata" | ".kafka_cleanshutdown"
        )
}

fn columns(name: &str) -> Option<&'static [&'static str]> {
    match name {
        "replication-offset-checkpoint"
        | "recovery-point-offset-checkpoint"
        | "log-start-offset-checkpoint"
        | "cleaner-offset-checkpoint" => Some(OFFSETS),
        "leader-epoch-checkpoint" => Some(EPOCHS),
        _ => None,
    }
}

impl Dump<'_> {
    pub(super) fn checkpoint(&mut self, file: &File) -> Result<(), Unreadable> {
        let content = self.io.read(&file.path)?;
        let text = std::str::from_utf8(&content)?;
        match columns(&file.name) {
            Some(columns) => self.table(file, text, columns),
            None if file.name == ".kafka_cleanshutdown" => self.clean_shutdown(file, text),
            None => self.properties(file, text),
        }
    }

    /// A version, the number of entries, one entry a line.
    fn table(&mut self, file: &File, text: &str, columns: &[&str]) -> Result<(), Unreadable> {
        let mut lines = text.lines();
        let number = |line: Option<&str>, what: &str| match line {
            None => Err(Unreadable(format!("the file ends before its {what}"))),
            Some(line) => {
                (line.parse::<i64>()).map_err(|_| Unreadable(format!("\"{line}\" is no {what}")))
            }
        };
        if text.is_empty() {
            return self.entry(file, &[("state", "never written".into())]);
        }
        let version = number(lines.next(), "version")?;
        let count = number(lines.next(), "number of entries")?;
        self.entry(
            file,
            &[("version", version.into()), ("entries", count.into())],
        )?;
        let mut found = 0;
        for line in lines {
            let fields: Vec<_> = line.split_whitespace().collect();
            if fields.len() != columns.len() {
                return Err(Unreadable(format!("\"{line}\" is no entry")));
            }
            let mut entry = Vec::new();
            for (column, field) in columns.iter().zip(fields) {
                let value = match *column {
                    "topic" => field.into(),
                    column => number(Some(field), column)?.into(),
                };
                entry.push((*column, value));
            }
            self.entry(file, &entry)?;
            found += 1;
        }
        if found != count {
            return Err(Unreadable(format!("{count} entries said, {found} found")));
        }
        Ok(())
    }

    /// Names and values with `=` or `: ` between them, and comments.
    fn properties(&mut self, file: &File, text: &str) -> Result<(), Unreadable> {
        for line in text.lines().filter(|line| !line.is_empty()) {
            if line.starts_with('#') {
                continue;
            }
            let Some((name, value)) = line.split_once(['=', ':']) else {
                return Err(Unreadable(format!("\"{line}\" has no value")));
            };
            self.entry(file, &[(name.trim(), value.trim().into())])?;
        }
        Ok(())
    }

    fn clean_shutdown(&mut self, file: &File, text: &str) -> Result<(), Unreadable> {
        if text.is_empty() {
            return self.entry(file, &[("state", "empty".into())]);
        }
        let said: Map<String, Value> = serde_json::from_str(text)?;
        let fields: Vec<_> = said
            .iter()
            .map(|(name, value)| (name.as_str(), value.clone()))
            .collect();
        self.entry(file, &fields)
    }

    fn entry(&mut self, file: &File, fields: &[(&str, Value)]) -> Result<(), Unreadable> {
        if self.json() {
            let mut object = Map::new();
            object.insert("file".to_owned(), file.path.clone().into());
            for (name, value) in fields {
                object.insert((*name).to_owned(), value.clone());
            }
            self.print_object(&object.into());
        } else {
            let shown: Vec<_> = fields
                .iter()
                .map(|(name, value)| match value {
                    Value::String(text) => format!("{name}: {text}"),
                    value => format!("{name}: {value}"),
                })
                .collect();
            self.print(&format!("{}\n", shown.join(" ")));
        }
        Ok(())
    }
}
