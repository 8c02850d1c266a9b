// SPDX-License-Identifier: GPL-2.0

//! Who pays for memory that a device takes for its contents: the memory control group of whoever
//! has it open, also where another thread does the work.
//!
//! C header: [`include/linux/memcontrol.h`](srctree/include/linux/memcontrol.h)

use crate::bindings;

/// A memory control group, or none where the kernel has none.
///
/// # Invariants
///
/// A counted reference, or null.
pub(crate) struct Payer(*mut bindings::mem_cgroup);

// SAFETY: A counted reference, which may be used and put on any thread.
unsafe impl Send for Payer {}
// SAFETY: As above; the group is used by the kernel alone, under its own locks.
unsafe impl Sync for Payer {}

impl Payer {
    /// The one that the current task's memory is charged to.
    pub(crate) fn of_current() -> Self {
        // INVARIANT: It is a reference of ours, or null.
        // SAFETY: May be called by any task.
        Self(unsafe { bindings::mdev_helper_current_memcg() })
    }

    /// Calls `f`, and lets the group pay for what it allocates.
    pub(crate) fn pay_for<R>(&self, f: impl FnOnce() -> R) -> R {
        /// Puts back who paid before, however `f` ends.
        struct Before(*mut bindings::mem_cgroup);
        impl Drop for Before {
            fn drop(&mut self) {
                // SAFETY: What this task had, which is valid for as long as it would have been.
                unsafe { bindings::mdev_helper_set_active_memcg(self.0) };
            }
        }
        // SAFETY: By the invariant it is valid, and `self` lives until it is put back.
        let _before = Before(unsafe { bindings::mdev_helper_set_active_memcg(self.0) });
        f()
    }
}

impl Drop for Payer {
    fn drop(&mut self) {
        // SAFETY: By the invariant.
        unsafe { bindings::mdev_helper_put_memcg(self.0) };
    }
}
