//! Numbers that lose their last places. Exact decimal numbers (`numeric`) are left to SQL.

/// The size of a column of whole numbers.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum IntSize {
    /// `smallint`, 16 bits.
    Int2,
    /// `integer`, 32 bits.
    Int4,
    /// `bigint`, 64 bits.
    Int8,
}

impl IntSize {
    /// The smallest number of this size.
    pub fn min(self) -> i64 {
        !self.max()
    }

    /// The largest number of this size.
    pub fn max(self) -> i64 {
        match self {
            Self::Int2 => i64::from(i16::MAX),
            Self::Int4 => i64::from(i32::MAX),
            Self::Int8 => i64::MAX,
        }
    }
}

/// The nearest multiple of 10^-`places`, halves away from zero as SQL rounds `numeric`; the value
/// itself if `places` is not negative. If that multiple is not in the range of the column: the
/// nearest one that is.
pub fn round_i64(value: i64, places: i32, size: IntSize) -> i64 {
    if places >= 0 {
        return value;
    }
    let Some(unit) = 10i128.checked_pow(places.unsigned_abs()) else {
        return 0;
    };
    let value = i128::from(value);
    let away = value.signum().saturating_mul(unit / 2);
    inside(
        multiple_towards_zero(value.saturating_add(away), unit),
        unit,
        size,
    )
}

/// The largest multiple of `width` that is not above the value. If that is below the range of the
/// column: the smallest multiple that is not. A width that is not positive gives 0.
pub fn bucket_i64(value: i64, width: i64, size: IntSize) -> i64 {
    if width <= 0 {
        return 0;
    }
    let (value, width) = (i128::from(value), i128::from(width));
    let rest = value.checked_rem_euclid(width).unwrap_or(0);
    inside(value.saturating_sub(rest), width, size)
}

/// The multiple, or the last one within the range of the column. The end of the range itself would
/// tell more: that the value is nearer to it than half a unit.
fn inside(multiple: i128, unit: i128, size: IntSize) -> i64 {
    let smallest = multiple_towards_zero(size.min().into(), unit);
    let largest = multiple_towards_zero(size.max().into(), unit);
    i64::try_from(multiple.max(smallest).min(largest)).unwrap_or(0)
}

fn multiple_towards_zero(value: i128, unit: i128) -> i128 {
    value.saturating_sub(value.checked_rem(unit).unwrap_or(0))
}

/// The nearest multiple of 10^-`places`, halves away from zero. More than 30 places count as 30;
/// fewer than -30 give 0.
///
/// NaN and the infinities stay as they are, and so show themselves. Never -0, which would tell
/// that a value below zero became nothing. The result for a `real` passed as a double fits a
/// `real`.
pub fn round_f64(value: f64, places: i32) -> f64 {
    let is_round = places >= 0 && value.fract() == 0.0;
    if !value.is_finite() || is_round {
        return plain(value);
    }
    let index = usize::try_from(places.unsigned_abs()).unwrap_or(usize::MAX);
    let unit = POWERS_OF_TEN.get(index).copied();
    if places < 0 {
        return unit.map_or(0.0, |unit| multiple(value, unit, f64::round));
    }
    // A value with a fraction is below 2⁵³, so the product is finite.
    let unit = unit.unwrap_or(1e30);
    plain((value * unit).round() / unit)
}

/// The largest multiple of `width` that is not above the value.
///
/// NaN and the infinities stay as they are, and so show themselves; so does a value whose last
/// binary place is larger than the width. Never -0. A width that is not positive and finite gives 0.
pub fn bucket_f64(value: f64, width: f64) -> f64 {
    if !value.is_finite() {
        return plain(value);
    }
    if !width.is_finite() || width <= 0.0 {
        return 0.0;
    }
    multiple(value, width, f64::floor)
}

/// The multiple of `unit` that is made by bringing the quotient to a whole number; towards zero if
/// it would be infinite.
fn multiple(value: f64, unit: f64, whole: fn(f64) -> f64) -> f64 {
    let quotient = value / unit;
    if !quotient.is_finite() {
        return value;
    }
    let wanted = whole(quotient) * unit;
    if wanted.is_finite() {
        return plain(wanted);
    }
    plain((quotient.trunc() * unit).clamp(f64::MIN, f64::MAX))
}

/// The number with neither a sign of zero nor the free bits of NaN, which could hold anything.
fn plain(value: f64) -> f64 {
    if value.is_nan() {
        f64::NAN
    } else {
        value + 0.0
    }
}

/// 10⁰ to 10³⁰, as literals: these are the nearest numbers on every machine, which those of `powi`
/// need not be.
const POWERS_OF_TEN: [f64; 31] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18, 1e19, 1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26, 1e27, 1e28, 1e29, 1e30,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_round_like_numeric() {
        let round = |value, places| round_i64(value, places, IntSize::Int2);
        assert_eq!(round(1234, -2), 1200);
        assert_eq!(round(1250, -2), 1300);
        assert_eq!(round(-1250, -2), -1300);
        assert_eq!(round(-1249, -2), -1200);
        assert_eq!(round(1234, 0), 1234);
        assert_eq!(round(1234, i32::MAX), 1234);
        assert_eq!(round(1234, i32::MIN), 0);
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(round_i64(32767, -1, IntSize::Int2), 32760);
        assert_eq!(round_i64(-32768, -1, IntSize::Int2), -32760);
        assert_eq!(round_i64(32767, -5, IntSize::Int2), 0);
        assert_eq!(round_i64(i64::MAX, -18, IntSize::Int8), 9 * 10i64.pow(18));
        assert_eq!(round_i64(i64::MAX, -19, IntSize::Int8), 0);
        assert_eq!(round_i64(i64::MIN, -38, IntSize::Int8), 0);
        assert_eq!(bucket_i64(-32768, 10, IntSize::Int2), -32760);
        assert_eq!(bucket_i64(-1, 100_000, IntSize::Int2), 0);
        assert_eq!(bucket_i64(i64::MIN, i64::MAX, IntSize::Int8), -i64::MAX);
        assert_eq!(bucket_i64(i64::MIN, 1, IntSize::Int8), i64::MIN);
    }

    #[test]
    fn buckets() {
        let bucket = |value, width| bucket_i64(value, width, IntSize::Int4);
        assert_eq!(bucket(37, 10), 30);
        assert_eq!(bucket(-37, 10), -40);
        assert_eq!(bucket(40, 10), 40);
        assert_eq!((bucket(37, 0), bucket(37, -10)), (0, 0));
        assert_eq!(bucket_f64(37.5, 10.0), 30.0);
        assert_eq!(bucket_f64(-0.1, 0.25), -0.25);
        assert_eq!(bucket_f64(1e300, 1e-18), 1e300);
        for width in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(bucket_f64(37.5, width), 0.0);
        }
    }

    #[test]
    fn floating_point_numbers() {
        assert_eq!(round_f64(1.23456, 2), 1.23);
        assert_eq!(round_f64(-2.5, 0), -3.0);
        assert_eq!(round_f64(1250.0, -2), 1300.0);
        assert_eq!(round_f64(1.5e17, 3), 1.5e17);
        assert_eq!(round_f64(1.7e30, -30), 2e30);
        assert_eq!(round_f64(1.7e308, i32::MIN), 0.0);
        assert_eq!(round_f64(0.3, i32::MAX), 0.3);
        assert_eq!(round_f64(f64::MAX, -30), f64::MAX);
        assert_eq!(bucket_f64(f64::MIN, 1e308), -1e308);
        assert_eq!(round_f64(1e-300, -30), 0.0);
    }

    #[test]
    fn zero_has_no_sign_and_nan_no_bits() {
        for value in [-0.0, -0.001] {
            assert_eq!(round_f64(value, 2).to_bits(), 0);
            assert_eq!(round_f64(value, -2).to_bits(), 0);
        }
        assert_eq!(bucket_f64(-0.0, 2.0).to_bits(), 0);
        let marked = f64::from_bits(f64::NAN.to_bits() | 0xbeef);
        assert_eq!(round_f64(marked, 1).to_bits(), f64::NAN.to_bits());
        assert_eq!(bucket_f64(marked, 1.0).to_bits(), f64::NAN.to_bits());
        assert_eq!(round_f64(f64::NEG_INFINITY, 1), f64::NEG_INFINITY);
        assert_eq!(bucket_f64(f64::INFINITY, 1.0), f64::INFINITY);
    }

    #[test]
    fn a_real_stays_a_real() {
        for places in -30..=30 {
            for value in [f32::MAX, f32::MIN] {
                assert!((round_f64(value.into(), places) as f32).is_finite());
            }
        }
    }
}
