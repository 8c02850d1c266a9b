// SPDX-License-Identifier: GPL-2.0

//! A gate: who is inside may work, who closes it waits until nobody is.

use kernel::{
    prelude::*,
    sync::{
        CondVar,
        LockClassKey,
        SpinLock, //
    },
};

struct Inner {
    open: bool,
    inside: usize,
}

/// A gate, closed at first.
#[pin_data]
pub(crate) struct Gate {
    /// No mutex: it is taken for each access to guest memory, and only for a few instructions.
    #[pin]
    inner: SpinLock<Inner>,
    #[pin]
    left: CondVar,
}

impl Gate {
    /// A gate whose locks are of these classes. Each gate has its own: one may be passed on the
    /// way to another, and a class that was made here would be known by another name in each
    /// crate that this is compiled into.
    pub(crate) fn new(
        name: &'static CStr,
        [inner, left]: [Pin<&'static LockClassKey>; 2],
    ) -> impl PinInit<Self> {
        let closed = Inner {
            open: false,
            inside: 0,
        };
        pin_init!(Self {
            inner <- SpinLock::new(closed, name, inner),
            left <- CondVar::new(name, left),
        })
    }

    /// Goes inside, if the gate is open.
    pub(crate) fn enter(&self) -> Option<Inside<'_>> {
        let mut inner = self.inner.lock();
        if !inner.open {
            return None;
        }
        inner.inside += 1;
        Some(Inside(self))
    }

    /// Opens the gate.
    pub(crate) fn open(&self) {
        self.inner.lock().open = true;
        self.left.notify_all();
    }

    /// Closes the gate. Who is inside stays there.
    pub(crate) fn shut(&self) {
        self.inner.lock().open = false;
    }

    /// Waits until nobody is inside, or the gate is open again.
    pub(crate) fn wait_empty_or_open(&self) {
        let mut inner = self.inner.lock();
        while !inner.open && inner.inside > 0 {
            self.left.wait(&mut inner);
        }
    }

    /// Closes the gate, and waits until nobody is inside, whoever opens it meanwhile: what was allowed to
    /// who is inside may go away after this.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.open = false;
        while inner.inside > 0 {
            self.left.wait(&mut inner);
        }
    }
}

/// Somebody who is inside.
pub(crate) struct Inside<'a>(&'a Gate);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.inner.lock();
        inner.inside -= 1;
        if inner.inside == 0 {
            self.0.left.notify_all();
        }
    }
}
