//! The decimal digits of all scripts: a number written in full-width or Arabic digits is as
//! telling as one in ASCII.

/// The zero of each row of ten digits (general category Nd), in Unicode 16, in order.
const ZEROS: &[u32] = &[
    0x30, 0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66,
    0xde6, 0xe50, 0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90,
    0x1b50, 0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
    0x104a0, 0x10d30, 0x10d40, 0x11066, 0x110f0, 0x11136, 0x111d0, 0x112f0, 0x11450, 0x114d0,
    0x11650, 0x116c0, 0x116d0, 0x116da, 0x11730, 0x118e0, 0x11950, 0x11bf0, 0x11c50, 0x11d50,
    0x11da0, 0x11f50, 0x16a60, 0x16ac0, 0x16b50, 0x16d70, 0x1ccf0, 0x1d7ce, 0x1d7d8, 0x1d7e2,
    0x1d7ec, 0x1d7f6, 0x1e140, 0x1e2f0, 0x1e4f0, 0x1e5f1, 0x1e950, 0x1fbf0,
];

/// The value of a decimal digit, 0 to 9, and the zero of its row.
pub(crate) fn digit(c: char) -> Option<(u16, char)> {
    let code = u32::from(c);
    let above = ZEROS.partition_point(|zero| *zero <= code);
    let zero = *ZEROS.get(above.checked_sub(1)?)?;
    let value = u16::try_from(code.checked_sub(zero)?).ok()?;
    (value < 10).then_some((value, char::from_u32(zero)?))
}

/// The digit of this value in the row of this zero; the zero if there is none.
pub(crate) fn in_row(zero: char, value: u16) -> char {
    let code = u32::from(zero).saturating_add(u32::from(value.min(9)));
    char::from_u32(code).unwrap_or(zero)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_rows_of_digits() {
        assert!(ZEROS.is_sorted());
        for zero in ZEROS {
            let zero = char::from_u32(*zero).unwrap();
            for value in 0..10 {
                let c = in_row(zero, value);
                assert!(c.is_numeric(), "{c:?}");
                assert_eq!(digit(c), Some((value, zero)));
            }
        }
    }

    #[test]
    fn what_is_no_decimal_digit() {
        for c in ['a', '/', ':', '\0', '½', '²', 'Ⅷ', '零', '\u{10ffff}'] {
            assert_eq!(digit(c), None, "{c:?}");
        }
        assert_eq!(digit('９'), Some((9, '０')));
        assert_eq!(digit('٣'), Some((3, '٠')));
    }
}
