//! Numbers with a fraction as Java writes them (`Double.toString`, `Float.toString` since JDK 19). Only of the
//! few least doubles would Java show a digit more.

/// The shortest text that is read as this double.
pub fn double_text(value: f64) -> String {
    layout(value.is_nan(), value.is_infinite(), format!("{value:e}"))
}

/// The shortest text that is read as this float.
pub fn float_text(value: f32) -> String {
    layout(value.is_nan(), value.is_infinite(), format!("{value:e}"))
}

/// `scientific` is Rust's form, such as `-5.25e1`: the digits are the same ones in Java, only laid out
/// otherwise. From a thousandth to ten million there is no exponent.
fn layout(is_nan: bool, is_infinite: bool, scientific: String) -> String {
    let (sign, scientific) = match scientific.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", scientific.as_str()),
    };
    if is_nan {
        return "NaN".to_owned();
    }
    if is_infinite {
        return format!("{sign}Infinity");
    }
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let digits: String = mantissa.chars().filter(|c| *c != '.').collect();
    let text = match exponent {
        _ if digits == "0" => "0.0".to_owned(),
        0..=6 => {
            let whole = exponent as usize + 1;
            let digits = format!("{digits:0<whole$}");
            format!("{}.{}", &digits[..whole], or_zero(&digits[whole..]))
        }
        -3..=-1 => format!("0.{}{digits}", "0".repeat(-exponent as usize - 1)),
        _ => format!("{}.{}E{exponent}", &digits[..1], or_zero(&digits[1..])),
    };
    format!("{sign}{text}")
}

fn or_zero(digits: &str) -> &str {
    if digits.is_empty() { "0" } else { digits }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_java_writes_them() {
        for (value, text) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (52.52, "52.52"),
            (13.405644, "13.405644"),
            (-1.5, "-1.5"),
            (100.0, "100.0"),
            (0.001, "0.001"),
            (0.012, "0.012"),
            (9_999_999.0, "9999999.0"),
            (10_000_000.0, "1.0E7"),
            (123_456_789.5, "1.234567895E8"),
            (0.0005, "5.0E-4"),
            (f64::MAX, "1.7976931348623157E308"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Infinity"),
        ] {
            assert_eq!(double_text(value), text);
        }
        assert_eq!(float_text(52.52), "52.52");
        assert_eq!(float_text(1.0e10), "1.0E10");
    }
}
