//! Numbers of things, as everything that is printed says them: "1 record", "2 records", "2 entries".

use std::fmt::Display;

/// So many of `one`.
pub fn counted(count: impl Display, one: &str) -> String {
    let count = count.to_string();
    let ending = |from: &str, to: &str| {
        one.strip_suffix(from)
            .map(|stem| format!("{count} {stem}{to}"))
    };
    match count.as_str() {
        "1" => format!("1 {one}"),
        _ => ending("try", "tries")
            .or_else(|| ending("rty", "rties"))
            .or_else(|| ending("epoch", "epochs"))
            .or_else(|| ending("ch", "ches"))
            .unwrap_or_else(|| format!("{count} {one}s")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thing_is_one_and_others_are_many() {
        for (count, one, said) in [
            (1, "record", "1 record"),
            (0, "record", "0 records"),
            (21, "batch", "21 batches"),
            (2, "epoch", "2 epochs"),
            (2, "leader epoch", "2 leader epochs"),
            (2, "entry", "2 entries"),
            (2, "property", "2 properties"),
            (2, "key", "2 keys"),
        ] {
            assert_eq!(counted(count, one), said);
        }
    }
}
