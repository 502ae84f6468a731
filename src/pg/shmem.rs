//! A block of shared memory: made once by the postmaster, seen by every process of the server.

use super::slot::HookSlot;
use pgrx::pg_sys;
use std::cell::Cell;
use std::ffi::CStr;

/// What lies in shared memory. Processes change it at the same time: its fields are atomic, or are
/// never written after [`Shared::make`].
pub trait Shared: Sync + Sized + 'static {
    /// Its name in the server's index of shared memory.
    const NAME: &'static CStr;

    /// The first value; called by the postmaster at server start, and again after a crash.
    fn make() -> Self;

    /// Where this process keeps the address.
    fn block() -> &'static Block<Self>;
}

/// The address of a block in this process.
pub struct Block<T>(Cell<*const T>);

// SAFETY: S1; processes fork from the postmaster, which has the address already.
unsafe impl<T> Sync for Block<T> {}

impl<T: Shared> Block<T> {
    /// Not there yet.
    pub const fn new() -> Self {
        Self(Cell::new(std::ptr::null()))
    }

    /// The block; `None` where the library was not preloaded.
    pub fn get(&self) -> Option<&'static T> {
        // SAFETY: S7; set once by `startup`, to memory that lives as long as the process.
        unsafe { self.0.get().as_ref() }
    }
}

static PREVIOUS_REQUEST: HookSlot<unsafe extern "C-unwind" fn()> = HookSlot::new();
static PREVIOUS_STARTUP: HookSlot<unsafe extern "C-unwind" fn()> = HookSlot::new();

/// Reserves the block and has it made when shared memory is; once, from `_PG_init`.
pub fn install<T: Shared>() {
    // SAFETY: S1; hook variables are written while libraries are loaded.
    unsafe {
        pg_sys::shmem_request_hook =
            PREVIOUS_REQUEST.chain(pg_sys::shmem_request_hook, request::<T>);
        pg_sys::shmem_startup_hook =
            PREVIOUS_STARTUP.chain(pg_sys::shmem_startup_hook, startup::<T>);
    }
}

unsafe extern "C-unwind" fn request<T: Shared>() {
    // SAFETY: S5.
    unsafe {
        if let Some(previous) = PREVIOUS_REQUEST.get() {
            previous();
        }
        pg_sys::RequestAddinShmemSpace(size_of::<T>());
    }
}

unsafe extern "C-unwind" fn startup<T: Shared>() {
    // SAFETY: S5.
    unsafe {
        if let Some(previous) = PREVIOUS_STARTUP.get() {
            previous();
        }
        attach::<T>();
    }
}

#[pgrx::pg_guard]
unsafe extern "C-unwind" fn attach<T: Shared>() {
    // SAFETY: S7; only the postmaster is here, before any other process exists.
    unsafe {
        let mut found = false;
        let block = pg_sys::ShmemInitStruct(T::NAME.as_ptr(), size_of::<T>(), &mut found);
        let block = block.cast::<T>();
        if !found {
            block.write(T::make());
        }
        T::block().0.set(block);
    }
}
