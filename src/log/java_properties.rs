//! Reads Java's `.properties` text (Properties.load): what operators write into meta.properties by hand is read
//! as a broker reads it, trailing blanks and all.

/// Keys and values in their order; of a key that stands there twice the later one counts.
///
/// # Errors
/// A `\u` without four hexadecimal digits: the only text that Java refuses.
pub(crate) fn parse(content: &[u8]) -> Result<Vec<(String, String)>, String> {
    // Java reads bytes as Latin-1.
    let text: String = content.iter().map(|byte| char::from(*byte)).collect();
    let mut pairs = Vec::new();
    for line in logical_lines(&text) {
        let (key, value) = split(&line);
        pairs.push((unescaped(key)?, unescaped(value)?));
    }
    Ok(pairs)
}

/// The value of a key.
pub(crate) fn get<'a>(pairs: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let found = pairs.iter().rev().find(|(name, _)| name == key);
    found.map(|(_, value)| value.as_str())
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\u{c}')
}

/// Lines without blanks before them, comments and empty lines; one that ends with a backslash is joined with
/// the next.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut joined: Option<String> = None;
    for line in text.split(['\n', '\r']) {
        let line = line.trim_start_matches(is_blank);
        let is_remark = line.is_empty() || line.starts_with(['#', '!']);
        if joined.is_none() && is_remark {
            continue;
        }
        let mut whole = joined.take().unwrap_or_default();
        let backslashes = line.chars().rev().take_while(|c| *c == '\\').count();
        if backslashes % 2 == 1 {
            whole.push_str(&line[..line.len() - 1]);
            joined = Some(whole);
        } else {
            whole.push_str(line);
            lines.push(whole);
        }
    }
    lines.extend(joined);
    lines
}

/// The key ends at `=`, `:` or a blank that no backslash precedes.
fn split(line: &str) -> (&str, &str) {
    let mut escaped = false;
    let ends = |(i, c): (usize, char)| {
        let end = !escaped && (matches!(c, '=' | ':') || is_blank(c));
        escaped = c == '\\' && !escaped;
        end.then_some(i)
    };
    let end = line.char_indices().find_map(ends).unwrap_or(line.len());
    let rest = line[end..].trim_start_matches(is_blank);
    let rest = rest.strip_prefix(['=', ':']).unwrap_or(rest);
    (&line[..end], rest.trim_start_matches(is_blank))
}

fn unescaped(text: &str) -> Result<String, String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        match chars.next() {
            Some('u') => {
                let digits: String = chars.by_ref().take(4).collect();
                let code = u32::from_str_radix(&digits, 16).ok();
                let code = code.filter(|_| digits.len() == 4);
                let code = code.ok_or_else(|| "malformed \\uxxxx encoding".to_owned())?;
                plain.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            Some('t') => plain.push('\t'),
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('f') => plain.push('\u{c}'),
            Some(other) => plain.push(other),
            None => {}
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_as_java_reads_it() {
        for (text, pairs) in [
            ("a=1\nb:2\nc 3\n", &[("a", "1"), ("b", "2"), ("c", "3")][..]),
            ("  a = 1 \n", &[("a", "1 ")]),
            ("# a=1\n! b=2\n\n", &[]),
            ("a=1\\\n   2\n", &[("a", "12")]),
            ("a\\=b=c\\u0041\\td\n", &[("a=b", "cA\td")]),
            ("a\n", &[("a", "")]),
            ("a=1\r\nb=2", &[("a", "1"), ("b", "2")]),
        ] {
            let read = parse(text.as_bytes()).unwrap();
            let read: Vec<_> = read.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            assert_eq!(read, pairs, "{text:?}");
        }
        assert!(parse(b"a=\\u00g1\n").is_err());
        let twice = parse(b"a=1\na=2\n").unwrap();
        assert_eq!((get(&twice, "a"), get(&twice, "b")), (Some("2"), None));
    }
}
