#![forbid(unsafe_code)]
//! What stands for a masked column: from its method to an expression of exactly the column's type.
//!
//! Masks are total, strict and not volatile: an error would tell of the value it was raised for, and
//! a volatile one would keep the sub-select from being pulled up. Keys are looked up by the
//! functions themselves, since an expression can be printed.

use super::applied::Applied;
use crate::pg::expr::{self, Column};
use crate::pg::node::Expr;
use crate::pg::{Oid, operators, types};
use crate::registry::objects::MaskFunctions;
use crate::registry::{Mask, Objects};
use ward_mask::{Field, Kind, Method, Mode};

/// What stands for column `column` of `one`, read through `var`; `None` if it is not masked.
pub fn of(one: &Applied, column: i16, var: Expr, objects: &Objects) -> Option<Expr> {
    let mask = one.mask_of(column)?;
    let masked = Build {
        one,
        mask,
        var,
        functions: &objects.masks,
    }
    .expression();
    Some(match one.spared_by(mask) {
        Some((owner, subject)) => {
            let own = owner.column.equals_any(1, owner.scalar, &[subject]);
            expr::case(&mask.column, own.all_in_row_of(var), var.copied(), masked)
        }
        None => masked,
    })
}

/// `distance`, rounded to so many decimal places; `square` is that of the given vector's length, if
/// the distance grows with it.
pub fn score(distance: Expr, square: Expr, decimals: u8, objects: &Objects) -> Expr {
    let arguments = [distance, square, expr::int4(decimals.into())];
    expr::call(objects.masks.score, types::FLOAT8, &arguments)
}

/// `value`, or an error if it is NULL.
pub fn refusing_null(value: Expr, one: &Applied, mask: &Mask, objects: &Objects) -> Expr {
    let column = &mask.column;
    let arguments = [
        expr::oid(one.protection.relation),
        expr::text(&column.name),
        expr::null(column),
    ];
    let refusal = expr::call(objects.masks.refuse_null, column.type_oid, &arguments);
    expr::coalesce(column, value, refusal)
}

/// The kind of a column, for the methods that fit it.
pub fn kind(column: &Column) -> Kind {
    let limit = (column.typmod >= 4).then(|| (column.typmod - 4) as u32);
    match column.type_oid {
        types::TEXT => Kind::Text { max_chars: None },
        types::VARCHAR | types::BPCHAR => Kind::Text { max_chars: limit },
        types::INT2 => Kind::Int2,
        types::INT4 => Kind::Int4,
        types::INT8 => Kind::Int8,
        types::NUMERIC => Kind::Numeric,
        types::FLOAT4 => Kind::Float4,
        types::FLOAT8 => Kind::Float8,
        types::DATE => Kind::Date,
        types::TIMESTAMP => Kind::Timestamp,
        types::TIMESTAMPTZ => Kind::TimestampTz,
        types::INET => Kind::Inet,
        types::CIDR => Kind::Cidr,
        types::JSON => Kind::Json,
        types::JSONB => Kind::Jsonb,
        types::UUID => Kind::Uuid,
        types::BYTEA => Kind::Bytea,
        types::BOOL => Kind::Boolean,
        other if operators::is_vector_type(other) => Kind::Vector,
        _ => Kind::Other,
    }
}

struct Build<'a> {
    one: &'a Applied,
    mask: &'a Mask,
    var: Expr,
    functions: &'a MaskFunctions,
}

impl Build<'_> {
    fn expression(&self) -> Expr {
        let column = &self.mask.column;
        if self.mask.mode == Mode::Deny {
            return expr::null(column);
        }
        let masked = match &self.mask.method {
            Method::Null | Method::SearchOnly { .. } => return expr::null(column),
            Method::Constant(literal) => return expr::literal(column, literal),
            Method::Function(name) => {
                match operators::mask_function(&name.schema, &name.name, column.type_oid) {
                    Some(function) => expr::call(function, column.type_oid, &[self.var]),
                    // Gone, or no longer fit: nothing of the value is shown.
                    None => return expr::null(column),
                }
            }
            method => self.builtin(method),
        };
        masked.typed_as(column)
    }

    fn builtin(&self, method: &Method) -> Expr {
        let f = self.functions;
        match (method, kind(&self.mask.column)) {
            (
                Method::Partial {
                    prefix,
                    pad,
                    suffix,
                },
                Kind::Text { max_chars },
            ) => self.call(
                f.partial,
                types::TEXT,
                &[
                    expr::int4((*prefix).into()),
                    expr::text(pad),
                    expr::int4((*suffix).into()),
                    limit(max_chars),
                ],
            ),
            (Method::Email, Kind::Text { max_chars }) => {
                self.call(f.email, types::TEXT, &[limit(max_chars)])
            }
            (Method::Hash, Kind::Text { max_chars }) => {
                self.call(f.hash, types::TEXT, &[self.tenant(), limit(max_chars)])
            }
            (Method::Hash, Kind::Bytea) => self.call(f.hash_bytes, types::BYTEA, &[self.tenant()]),
            (Method::Hash, Kind::Uuid) => self.call(f.hash_uuid, types::UUID, &[self.tenant()]),
            (Method::Hash, kind) => self.hash_integer(kind),
            (Method::Tokenise, _) => self.call(f.tokenise, types::TEXT, &[self.tenant()]),
            (Method::Truncate(field), kind) => {
                let field = expr::int4(part(*field));
                match kind {
                    Kind::Date => self.call(f.date, types::DATE, &[field]),
                    Kind::Timestamp => self.call(f.timestamp, types::TIMESTAMP, &[field]),
                    _ => self.call(f.timestamptz, types::TIMESTAMPTZ, &[field]),
                }
            }
            (Method::Round(places), Kind::Float4 | Kind::Float8) => {
                self.float(f.round_float, expr::int4(*places))
            }
            (Method::Round(places), Kind::Numeric) => {
                self.call(types::NUMERIC_ROUND, types::NUMERIC, &[expr::int4(*places)])
            }
            (Method::Round(places), kind) => self.integer(f.round_int, kind, expr::int4(*places)),
            (Method::Bucket(width), Kind::Float4 | Kind::Float8) => {
                self.float(f.bucket_float, expr::float8(width.as_f64()))
            }
            (Method::Bucket(width), Kind::Numeric) => {
                let width = || expr::parsed(types::NUMERIC, -1, Oid::INVALID, width.as_str());
                let numeric =
                    |function, arguments: &[Expr]| expr::call(function, types::NUMERIC, arguments);
                let buckets = numeric(types::NUMERIC_DIVIDE, &[self.var, width()]);
                let whole = numeric(types::NUMERIC_FLOOR, &[buckets]);
                numeric(types::NUMERIC_MULTIPLY, &[whole, width()])
            }
            (Method::Bucket(width), kind) => {
                let width = width.as_i64().unwrap_or(i64::MAX);
                self.integer(f.bucket_int, kind, expr::int8(width))
            }
            (Method::IpPrefix { v4, v6 }, _) => {
                let bits = [expr::int4((*v4).into()), expr::int4((*v6).into())];
                self.call(f.ip, types::INET, &bits)
            }
            (Method::JsonPaths { .. }, _) => {
                let column = &self.mask.column;
                let document = self.var.to_text(column.type_oid);
                let arguments = [document, expr::text(&method.to_string()), self.tenant()];
                expr::call(f.json, types::TEXT, &arguments).to_type(column.type_oid)
            }
            // A method that does not fit its column is refused at definition.
            _ => expr::null(&self.mask.column),
        }
    }

    fn call(&self, function: Oid, result: Oid, arguments: &[Expr]) -> Expr {
        let mut all = vec![self.var.as_operand()];
        all.extend(arguments);
        expr::call(function, result, &all)
    }

    /// By the function for integers of this size.
    fn integer(&self, [int2, int4, int8]: [Oid; 3], kind: Kind, argument: Expr) -> Expr {
        let (function, result) = match kind {
            Kind::Int2 => (int2, types::INT2),
            Kind::Int4 => (int4, types::INT4),
            _ => (int8, types::INT8),
        };
        expr::call(function, result, &[self.var, argument])
    }

    /// Integers of all sizes are hashed as bigint, into their own size.
    fn hash_integer(&self, kind: Kind) -> Expr {
        let (bits, widen, narrow) = match kind {
            Kind::Int2 => (16, Some(types::INT8_OF_INT2), Some(types::INT2_OF_INT8)),
            Kind::Int4 => (32, Some(types::INT8_OF_INT4), Some(types::INT4_OF_INT8)),
            _ => (64, None, None),
        };
        let value = match widen {
            Some(cast) => expr::call(cast, types::INT8, &[self.var]),
            None => self.var,
        };
        let arguments = [value, self.tenant(), expr::int4(bits)];
        let hash = expr::call(self.functions.hash_int, types::INT8, &arguments);
        match narrow {
            Some(cast) => expr::call(cast, self.mask.column.type_oid, &[hash]),
            None => hash,
        }
    }

    fn float(&self, function: Oid, argument: Expr) -> Expr {
        if self.mask.column.type_oid == types::FLOAT8 {
            return expr::call(function, types::FLOAT8, &[self.var, argument]);
        }
        let value = expr::call(types::FLOAT8_OF_FLOAT4, types::FLOAT8, &[self.var]);
        let masked = expr::call(function, types::FLOAT8, &[value, argument]);
        expr::call(types::FLOAT4_OF_FLOAT8, types::FLOAT4, &[masked])
    }

    /// The tenant of the row, as text: pseudonyms of different tenants cannot be linked.
    fn tenant(&self) -> Expr {
        match &self.one.protection.tenant {
            Some(tenant) => tenant
                .column
                .var(1)
                .all_in_row_of(self.var)
                .to_text(tenant.column.type_oid),
            None => expr::text(""),
        }
    }
}

/// The numbers by which the functions know the parts of a date.
fn part(field: Field) -> i32 {
    match field {
        Field::Year => 0,
        Field::Month => 1,
        Field::Day => 2,
    }
}

/// The column's limit in characters; 0 for none.
fn limit(max_chars: Option<u32>) -> Expr {
    expr::int4(max_chars.map_or(0, |max| max as i32))
}
