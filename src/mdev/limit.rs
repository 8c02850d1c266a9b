// SPDX-License-Identifier: GPL-2.0

//! At most so many log lines in so much time.
//!
//! C header: [`include/linux/ratelimit.h`](srctree/include/linux/ratelimit.h)

use crate::bindings;
use kernel::{
    prelude::*,
    types::Opaque, //
};

/// A rate limit of 10 lines in 5 seconds.
#[pin_data]
pub(crate) struct Limit {
    #[pin]
    state: Opaque<bindings::ratelimit_state>,
}

// SAFETY: `___ratelimit` may be called from any context on any CPU, and nothing else is done with
// the state once it is initialised.
unsafe impl Send for Limit {}
// SAFETY: As above.
unsafe impl Sync for Limit {}

impl Limit {
    /// A fresh limit.
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            state <- Opaque::ffi_init(|slot: *mut bindings::ratelimit_state| {
                // SAFETY: `slot` is valid for writes and pinned, which is all that the
                // initialisation (it fills every field) asks for.
                unsafe { bindings::mdev_helper_ratelimit_init(slot) }
            }),
        })
    }

    /// Whether a line may be printed now; counts as that line.
    pub(crate) fn allows(&self) -> bool {
        // SAFETY: `state` was initialised in `new`. The name is only printed for a state without
        // RATELIMIT_MSG_ON_RELEASE, which this one has, and is a NUL-terminated string anyway.
        unsafe { bindings::___ratelimit(self.state.get(), c"mdev".as_char_ptr()) != 0 }
    }
}
