//! Arguments of functions that take any type.

use pgrx::pg_sys;
use std::ffi::CStr;

/// The texts of an argument: one for a scalar, one per element for an array; `None` for NULL.
pub type Texts = Option<Vec<Option<String>>>;

/// Argument 0 as an OID (`None` for NULL), and every further argument as text.
pub fn relation_and_texts(call: pg_sys::FunctionCallInfo) -> (Option<pg_sys::Oid>, Vec<Texts>) {
    (oid(call, 0), texts_from(call, 1))
}

/// Every argument as text.
pub fn texts(call: pg_sys::FunctionCallInfo) -> Vec<Texts> {
    texts_from(call, 0)
}

fn texts_from(call: pg_sys::FunctionCallInfo, first: usize) -> Vec<Texts> {
    // SAFETY: fmgr passes a live call frame with `nargs` arguments.
    unsafe {
        let frame = &*call;
        let args = frame.args.as_slice(frame.nargs as usize).iter().enumerate();
        args.skip(first)
            .map(|(i, arg)| {
                let type_oid = pg_sys::get_fn_expr_argtype(frame.flinfo, i as i32);
                (!arg.isnull).then(|| text_of(arg.value, type_oid))
            })
            .collect()
    }
}

/// The `n`th argument (from 0) as an OID; `None` for NULL.
pub fn oid(call: pg_sys::FunctionCallInfo, n: usize) -> Option<pg_sys::Oid> {
    // SAFETY: fmgr passes a live call frame with `nargs` arguments.
    unsafe {
        let frame = &*call;
        let args = frame.args.as_slice(frame.nargs as usize);
        let arg = args.get(n).filter(|arg| !arg.isnull)?;
        Some(pg_sys::Oid::from(arg.value.value() as u32))
    }
}

/// The relation whose trigger called this function; `None` if no trigger did.
pub fn trigger_relation(call: pg_sys::FunctionCallInfo) -> Option<pg_sys::Oid> {
    // SAFETY: fmgr passes a live call frame; its context is checked before it is read.
    unsafe {
        let context = (*call).context;
        if context.is_null() || (*context).type_ != pg_sys::NodeTag::T_TriggerData {
            return None;
        }
        Some((*(*context.cast::<pg_sys::TriggerData>()).tg_relation).rd_id)
    }
}

/// # Safety
/// `value` is a non-null datum of type `type_oid`.
unsafe fn text_of(value: pg_sys::Datum, type_oid: pg_sys::Oid) -> Vec<Option<String>> {
    // SAFETY: S2 by contract; array elements are copied before the frame ends.
    unsafe {
        let element = pg_sys::get_base_element_type(type_oid);
        if element == pg_sys::Oid::INVALID {
            return vec![Some(output(value, type_oid))];
        }
        let array = pg_sys::pg_detoast_datum(value.cast_mut_ptr()).cast::<pg_sys::ArrayType>();
        let (mut length, mut by_value, mut align) = (0i16, false, 0);
        pg_sys::get_typlenbyvalalign(element, &mut length, &mut by_value, &mut align);
        let (mut items, mut nulls, mut count) = (std::ptr::null_mut(), std::ptr::null_mut(), 0);
        pg_sys::deconstruct_array(
            array,
            element,
            i32::from(length),
            by_value,
            align,
            &mut items,
            &mut nulls,
            &mut count,
        );
        (0..count as usize)
            .map(|i| (!*nulls.add(i)).then(|| output(*items.add(i), element)))
            .collect()
    }
}

/// # Safety
/// As [`text_of`].
pub(super) unsafe fn output(value: pg_sys::Datum, type_oid: pg_sys::Oid) -> String {
    // SAFETY: by contract; the palloc'ed text is copied.
    unsafe {
        let (mut function, mut varlena) = (pg_sys::Oid::INVALID, false);
        pg_sys::getTypeOutputInfo(type_oid, &mut function, &mut varlena);
        CStr::from_ptr(pg_sys::OidOutputFunctionCall(function, value))
            .to_string_lossy()
            .into_owned()
    }
}
