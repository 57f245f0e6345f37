//! Texts of others, such as titles, made safe and cut to a width.

/// What may stand in a line: no control characters, and none that turn the direction of what
/// follows.
pub(super) fn line(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' => {
                '\u{fffd}'
            }
            letter if letter.is_control() => ' ',
            letter => letter,
        })
        .collect()
}

/// The text, or as much of it as is no wider than `width` columns, with `dots` at the end.
pub(super) fn cut(text: &str, width: usize, dots: &str) -> String {
    if self::width(text) <= width {
        return text.into();
    }
    let Some(room) = width.checked_sub(self::width(dots)) else {
        return String::new();
    };
    let mut sum = 0;
    let kept: String = text
        .chars()
        .take_while(|letter| {
            sum += wide(*letter);
            sum <= room
        })
        .collect();
    kept + dots
}

/// Columns that a text takes in a terminal.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(wide).sum()
}

/// Columns of one letter: 2 for those of East Asia and pictures, 0 for marks on the one before
/// (Unicode Standard Annex 11, in large).
fn wide(letter: char) -> usize {
    match letter as u32 {
        0x0300..=0x036f
        | 0x0483..=0x0489
        | 0x0591..=0x05bd
        | 0x064b..=0x065f
        | 0x200b..=0x200f
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}
