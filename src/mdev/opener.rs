// SPDX-License-Identifier: GPL-2.0

//! Who has a device open: whose memory control group pays for what it holds, and whose address
//! space the guest's memory is in.
//!
//! C headers: [`include/linux/memcontrol.h`](srctree/include/linux/memcontrol.h),
//! [`include/linux/sched/mm.h`](srctree/include/linux/sched/mm.h)

use crate::bindings;

/// Who opened a device.
///
/// # Invariants
///
/// Counted references, or null: the memory control group where the kernel has any, and the
/// address space, of which only the structure is kept, not what is mapped.
pub(crate) struct Opener {
    memcg: *mut bindings::mem_cgroup,
    mm: *mut bindings::mm_struct,
}

// SAFETY: Counted references, which may be used and put on any thread.
unsafe impl Send for Opener {}
// SAFETY: As above; the group is used by the kernel alone, under its own locks, and of the address
// space only the address.
unsafe impl Sync for Opener {}

impl Opener {
    /// The current task.
    pub(crate) fn current() -> Self {
        // INVARIANT: They are references of ours, or null.
        // SAFETY: May be called by any task.
        unsafe {
            Self {
                memcg: bindings::mdev_helper_current_memcg(),
                mm: bindings::mdev_helper_current_mm_grab(),
            }
        }
    }

    /// Whether the current task is in the address space that the device was opened in.
    pub(crate) fn is_here(&self) -> bool {
        // SAFETY: May be called by any task.
        !self.mm.is_null() && unsafe { bindings::mdev_helper_current_mm() } == self.mm
    }

    /// Calls `f`, in a thread of the kernel, with the opener's address space as the thread's own,
    /// if it is still there: guest memory is accessed by it, and changing over for each access
    /// would cost more than the access.
    ///
    /// # Safety
    ///
    /// Only in a thread of the kernel that is in no address space.
    pub(crate) unsafe fn in_its_space<R>(&self, f: impl FnOnce() -> R) -> R {
        /// Leaves it, however `f` ends.
        struct Inside(*mut bindings::mm_struct);
        impl Drop for Inside {
            fn drop(&mut self) {
                // SAFETY: We have entered it, with a reference.
                unsafe { bindings::mdev_helper_unuse_mm(self.0) };
            }
        }
        // SAFETY: We have the structure by the invariant, and are such a thread as the caller promises.
        let entered = unsafe { bindings::mdev_helper_use_mm(self.mm) };
        let _inside = entered.then(|| Inside(self.mm));
        f()
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
        let _before = Before(unsafe { bindings::mdev_helper_set_active_memcg(self.memcg) });
        f()
    }
}

impl Drop for Opener {
    fn drop(&mut self) {
        // SAFETY: By the invariant.
        unsafe {
            bindings::mdev_helper_put_memcg(self.memcg);
            bindings::mdev_helper_mm_drop(self.mm);
        }
    }
}
