//! Character encodings of `serializer.encoding` and `deserializer.encoding` (CS2).

/// An encoding that every Java has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Charset {
    #[default]
    Utf8,
    Ascii,
    Latin1,
    /// Big endian, with a byte order mark when written.
    Utf16,
    Utf16Be,
    Utf16Le,
}

/// What a byte that is no character is read as.
const REPLACEMENT: char = '\u{fffd}';

impl Charset {
    pub const NAMES: [&str; 6] = [
        "UTF-8",
        "US-ASCII",
        "ISO-8859-1",
        "UTF-16",
        "UTF-16BE",
        "UTF-16LE",
    ];

    pub fn parse(name: &str) -> Option<Charset> {
        let all = [
            Charset::Utf8,
            Charset::Ascii,
            Charset::Latin1,
            Charset::Utf16,
            Charset::Utf16Be,
            Charset::Utf16Le,
        ];
        let is = |known: &&str| known.eq_ignore_ascii_case(name.trim());
        Charset::NAMES.iter().position(is).map(|i| all[i])
    }

    /// `String.getBytes`: what the encoding does not have becomes `?`.
    pub fn encode(self, text: &str) -> Vec<u8> {
        let single = |most: u32| {
            let byte = |c: char| if c as u32 <= most { c as u8 } else { b'?' };
            text.chars().map(byte).collect()
        };
        let units = |bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect();
        match self {
            Charset::Utf8 => text.as_bytes().to_vec(),
            Charset::Ascii => single(0x7f),
            Charset::Latin1 => single(0xff),
            Charset::Utf16 if text.is_empty() => Vec::new(),
            Charset::Utf16 => [vec![0xfe, 0xff], units(u16::to_be_bytes)].concat(),
            Charset::Utf16Be => units(u16::to_be_bytes),
            Charset::Utf16Le => units(u16::to_le_bytes),
        }
    }

    /// `new String(bytes, charset)`: what is no character becomes U+FFFD. Never fails, which is why a string
    /// deserializer reads anything.
    pub fn decode(self, bytes: &[u8]) -> String {
        match self {
            Charset::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Charset::Ascii => bytes
                .iter()
                .map(|byte| match byte.is_ascii() {
                    true => char::from(*byte),
                    false => REPLACEMENT,
                })
                .collect(),
            Charset::Latin1 => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Charset::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes),
                [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes),
                _ => utf16(bytes, u16::from_be_bytes),
            },
            Charset::Utf16Be => utf16(bytes, u16::from_be_bytes),
            Charset::Utf16Le => utf16(bytes, u16::from_le_bytes),
        }
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let mut text =
        String::from_utf16_lossy(&pairs.iter().map(|pair| unit(*pair)).collect::<Vec<_>>());
    if !rest.is_empty() {
        text.push(REPLACEMENT);
    }
    text
}
