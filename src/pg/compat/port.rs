//! The part of core's `Port` that says who has connected. The bindings know it as an opaque type.

use pgrx::pg_sys;
use std::ffi::{c_char, c_int, c_void};

#[repr(C)]
struct Address {
    storage: [u64; 16],
    length: u32,
}

/// `struct Port` up to the name of the role.
#[repr(C)]
struct Port {
    socket: c_int,
    is_nonblocking: bool,
    protocol: u32,
    local: Address,
    remote: Address,
    remote_host: *const c_char,
    remote_hostname: *const c_char,
    resolved: c_int,
    resolver_error: c_int,
    remote_port: *const c_char,
    #[cfg(any(feature = "pg15", feature = "pg16"))]
    accepts: c_int,
    #[cfg(feature = "pg18")]
    local_host: [c_char; 64],
    database: *const c_char,
    role: *const c_char,
}

/// Who has connected: address, port, database and role, as the client named them.
///
/// `None` in processes without a client. The texts live as long as the process.
pub fn client() -> Option<[*const c_char; 4]> {
    // SAFETY: S1; null or live, and laid out as the server's header says.
    unsafe {
        let port = pg_sys::MyProcPort
            .cast::<c_void>()
            .cast::<Port>()
            .as_ref()?;
        Some([port.remote_host, port.remote_port, port.database, port.role])
    }
}
