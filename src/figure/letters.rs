//! How wide a text is: advance widths of DejaVu Sans, in thousandths of its size.
//!
//! The font that figures name first, and that is bundled for PNG. A viewer with another font shows texts a little
//! narrower or wider; DejaVu is one of the wide ones, so that what fits here fits there.

/// From the space to the tilde.
const ADVANCES: [i32; 95] = [
    318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337, 636, 636, 636,
    636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632,
    575, 775, 752, 295, 295, 656, 557, 863, 748, 787, 603, 787, 695, 635, 611, 732, 684, 989, 685,
    611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278, 579,
    278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
];
/// Of what is not in the table.
const OTHER: i32 = 838;
/// Of each letter of DejaVu Sans Mono.
const MONO: i32 = 602;

/// In units of the picture, rounded up.
pub fn width(text: &str, size: i32) -> i32 {
    let thousandths: i32 = text.chars().map(advance).sum();
    (thousandths * size + 999) / 1_000
}

/// The same, where each letter has the same width.
pub fn mono_width(text: &str, size: i32) -> i32 {
    let count = i32::try_from(text.chars().count()).unwrap_or(i32::MAX / 10_000);
    (count * MONO * size + 999) / 1_000
}

/// As much of the text as fits; what is cut ends with two points.
pub fn cut(text: &str, size: i32, most: i32) -> String {
    if width(text, size) <= most {
        return text.to_owned();
    }
    let room = most - width("..", size);
    let mut used = 0;
    let fits = text.chars().take_while(|letter| {
        used += advance(*letter) * size;
        used <= room * 1_000
    });
    let kept: String = fits.collect();
    kept.trim_end().to_owned() + ".."
}

/// The text in lines that fit, broken between words; a word that is too long alone is cut.
pub fn lines(text: &str, size: i32, most: i32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if width(line, size) + width(" ", size) + width(word, size) <= most => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(cut(word, size, most)),
        }
    }
    lines
}

fn advance(letter: char) -> i32 {
    let place = (letter as usize).wrapping_sub(' ' as usize);
    ADVANCES.get(place).copied().unwrap_or(OTHER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut() {
        assert_eq!(width("broker-1", 10), 43);
        assert_eq!(cut("broker-1", 10, 43), "broker-1");
        assert_eq!(cut("broker-1", 10, 42), "broker..");
        assert!(width(&cut("broker-1", 10, 42), 10) <= 42);
    }
}
