//! Pictures as PNG.

use super::{played, well_made};
use kafka_trial::figure::{Kind, Picture, Style, Wanted, to_png, to_svg};
use twox_hash::XxHash3_64;

/// Width and height, as they stand in the file's first chunk.
fn sides(png: &[u8]) -> [i32; 2] {
    assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n");
    [16, 20].map(|at| i32::from_be_bytes(png[at..at + 4].try_into().unwrap()))
}

#[test]
fn a_png_is_twice_as_large_as_its_picture_and_the_same_on_every_machine() {
    let drawn = Kind::Leadership.draw(&played("leader-crash"), &Wanted::default());
    let picture = well_made(drawn, "leader-crash");
    let png = to_png(&to_svg(&picture)).unwrap();
    assert_eq!(sides(&png), [picture.width * 2, picture.height * 2]);
    assert_eq!(png, to_png(&to_svg(&picture)).unwrap());

    // Letters in all three fonts: with one of the machine's this would be another.
    let mut picture = Picture::new("", "");
    picture.text((10, 20), "broker-1: O\u{f6}\u{2192}\u{3bb}", Style::Ink);
    picture.text((10, 40), "who leads", Style::Strong);
    picture.text((10, 60), "00 01 fe", Style::Mono);
    picture.fit(10);
    let png = to_png(&to_svg(&picture)).unwrap();
    let digest = format!("{:016x}", XxHash3_64::oneshot(&png));
    assert_eq!(digest, "a55a7ece34c9f3df");
}

#[test]
fn letters_are_drawn() {
    let page = |text: &str, style| {
        let mut picture = Picture::new("", "");
        picture.text((10, 20), text, style);
        (picture.width, picture.height) = (100, 30);
        to_png(&to_svg(&picture)).unwrap()
    };
    let empty = page(" ", Style::Ink);
    for style in [Style::Ink, Style::Strong, Style::Mono] {
        assert_ne!(page("x", style), empty, "{style:?}");
    }
    assert_ne!(page("x", Style::Ink), page("x", Style::Strong));
    assert_ne!(page("x", Style::Ink), page("x", Style::Mono));
}

#[test]
fn what_is_no_svg_is_refused() {
    assert!(to_png("no picture").is_err());
}
