//! The label type where Rust and PostgreSQL meet: bound parameters, results, arrays.

use crate::api::label::LabelDatum;
use pgrx::prelude::*;
use pgrx::spi::Spi;
use ward_core::{Category, Label, Level};

/// Every level without categories, with the first, the last standard, the first and the last
/// custom one, and the two ends of the lattice.
fn samples() -> Vec<Label> {
    let categories = || {
        [0u8, 23, 24, 55]
            .into_iter()
            .filter_map(Category::from_index)
    };
    let mut all: Vec<Label> = Level::ALL
        .into_iter()
        .flat_map(|level| {
            let with = categories().map(move |category| Label::of(level).with(category));
            std::iter::once(Label::of(level)).chain(with)
        })
        .collect();
    all.extend([Label::PUBLIC, Label::TOP]);
    all
}

#[pg_schema]
mod tests {
    use super::*;

    #[pg_test]
    fn a_bound_label_comes_back_and_prints_as_in_rust() {
        for label in samples() {
            let argument = LabelDatum::from(label);
            let back = Spi::get_one_with_args::<LabelDatum>("SELECT $1", &[argument.into()]);
            assert_eq!(back, Ok(Some(argument)));
            let text = Spi::get_one_with_args::<String>("SELECT $1::text", &[argument.into()]);
            assert_eq!(text, Ok(Some(label.to_string())));
        }
    }

    #[pg_test]
    fn operators_in_sql_are_those_of_the_pure_crate() {
        for a in samples() {
            for b in samples() {
                let arguments = [LabelDatum::from(a).into(), LabelDatum::from(b).into()];
                let agree = Spi::get_one_with_args::<bool>(
                    &format!(
                        "SELECT ($1 OPERATOR(ward.<@) $2) = {} AND ($1 OPERATOR(ward.@>) $2) = {}
                            AND $1 OPERATOR(ward.+) $2 OPERATOR(ward.=) '{}'
                            AND $1 OPERATOR(ward.*) $2 OPERATOR(ward.=) '{}'
                            AND ward_internal.label_cmp($1, $2) = {}",
                        a.is_dominated_by(b),
                        a.dominates(b),
                        a.join(b),
                        a.meet(b),
                        a.cmp(&b) as i32,
                    ),
                    &arguments,
                );
                assert_eq!(agree, Ok(Some(true)), "{a} and {b}");
            }
        }
    }

    #[pg_test]
    fn a_null_label_is_none_and_an_array_keeps_its_labels() {
        assert_eq!(
            Spi::get_one::<LabelDatum>("SELECT NULL::ward.label"),
            Ok(None)
        );
        let labels: Vec<LabelDatum> = samples().into_iter().map(LabelDatum::from).collect();
        let count = labels.len() as i64;
        let matching = Spi::get_one_with_args::<i64>(
            "SELECT count(*) FROM unnest($1) l WHERE l OPERATOR(ward.<@) $2",
            &[labels.into(), LabelDatum::from(Label::TOP).into()],
        );
        assert_eq!(matching, Ok(Some(count)));
    }

    #[pg_test(error = "invalid binary label: its level is not known")]
    fn eight_other_bytes_are_refused_when_a_label_is_read() {
        assert_eq!(
            Spi::run("CREATE CAST (bigint AS ward.label) WITHOUT FUNCTION"),
            Ok(())
        );
        let _ = Spi::get_one::<LabelDatum>("SELECT (17::bigint << 56)::ward.label");
    }
}
