//! A place for the hook that was installed before ours.

use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicBool, Ordering};

static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Are ward's hooks in place (was the library preloaded)?
pub fn installed() -> bool {
    INSTALLED.load(Ordering::Relaxed)
}

/// Notes that they are.
pub fn set_installed() {
    INSTALLED.store(true, Ordering::Relaxed);
}

/// The previous value of a hook variable; written once at load, read on every call.
pub struct HookSlot<T: Copy>(UnsafeCell<Option<T>>);

// SAFETY: S1 (the backend has one thread; written only while libraries are loaded).
unsafe impl<T: Copy> Sync for HookSlot<T> {}

impl<T: Copy> HookSlot<T> {
    /// An empty slot.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(None))
    }

    /// Remembers `previous` and returns ours, ready to be stored in the hook variable.
    pub fn chain(&self, previous: Option<T>, ours: T) -> Option<T> {
        // SAFETY: S1.
        unsafe { *self.0.get() = previous };
        Some(ours)
    }

    /// The previous hook, if any.
    #[inline]
    pub fn get(&self) -> Option<T> {
        // SAFETY: S1.
        unsafe { *self.0.get() }
    }
}
