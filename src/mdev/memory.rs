// SPDX-License-Identifier: GPL-2.0

//! The memory of the guest: reading, writing and pinning it.
//!
//! C header: [`include/linux/vfio.h`](srctree/include/linux/vfio.h)
//!
//! # Locks
//!
//! VFIO calls `dma_unmap` with locks held that pinning and unpinning take, too. So no lock that
//! `dma_unmap` takes is ever held while we call into VFIO: a pin that is being made or undone has
//! its place in the list, marked as such, and `dma_unmap` waits for what comes of it. Returning
//! before that would do harm: VFIO takes pages that are still pinned after a few calls for a bug,
//! and stops the machine.
//!
//! # What was written
//!
//! Where the user can ask the device for a log of what it wrote ([`Log`]), [`GuestMemory::write`]
//! enters what it wrote, and a range that is pinned to be writable counts as written as long as it
//! is, as VFIO's own tracking has it.

use crate::{
    bindings,
    gate::{
        Gate,
        Inside, //
    },
    log::Log, //
};
use core::ptr::null_mut;
use kernel::{
    error::to_result,
    new_condvar, new_mutex,
    page::PAGE_SIZE,
    prelude::*,
    static_lock_class,
    sync::{
        atomic::{
            Atomic,
            Relaxed, //
        },
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        CondVar,
        Mutex, //
    },
};

/// The most pages that can be pinned at once.
pub const MAX_PINNED: usize = PAGE_SIZE / core::mem::size_of::<usize>();

/// What of a device's has to do with guest memory.
///
/// # Invariants
///
/// While `gate` is open, and while somebody is inside, `vdev` is an open device.
#[pin_data]
pub(crate) struct Memory {
    vdev: *mut bindings::vfio_device,
    #[pin]
    gate: Gate,
    /// Open while the function has Bus Master Enable. Who accesses memory is inside of both.
    #[pin]
    mastering: Gate,
    /// Whether the last access was in the address space of who did it.
    near: Atomic<bool>,
    #[pin]
    pins: Mutex<Pins>,
    /// What became of a pin that was being made or undone is known.
    #[pin]
    settled: CondVar,
    /// What was written, if the user asks for that.
    #[pin]
    log: Log,
}

// SAFETY: The device is only used as VFIO allows, from any thread, while it is open; the pages
// in the list are only used under its lock.
unsafe impl Send for Memory {}
// SAFETY: As above.
unsafe impl Sync for Memory {}

struct Pins {
    list: KVec<Pin>,
    next: u64,
}

struct Pin {
    id: u64,
    iova: u64,
    count: usize,
    writable: bool,
    /// None while the pin is being made or undone: it is whose who does that.
    pages: Option<KVec<*mut bindings::page>>,
}

impl Pin {
    fn bytes(&self) -> u64 {
        // NO-OVERFLOW: at most `MAX_PINNED` pages.
        (self.count * PAGE_SIZE) as u64
    }

    /// Logs that all of it was written, if that can be.
    fn log(&self, log: &Log) {
        if self.writable {
            // NO-OVERFLOW: at most `MAX_PINNED` pages.
            log.mark(self.iova, self.count * PAGE_SIZE);
        }
    }

    fn touches(&self, iova: u64, length: u64) -> bool {
        // The last bytes, as the ends may be 2^64.
        let last = iova.saturating_add(length.saturating_sub(1));
        let own_last = self.iova.saturating_add(self.bytes() - 1);
        self.iova <= last && iova <= own_last
    }
}

impl Memory {
    pub(crate) fn new(vdev: *mut bindings::vfio_device) -> impl PinInit<Self> {
        // INVARIANT: A new gate is closed.
        pin_init!(Self {
            vdev,
            near: Atomic::new(false),
            gate <- Gate::new(
                c"mdev memory",
                [static_lock_class!(), static_lock_class!()],
            ),
            mastering <- Gate::new(
                c"mdev bus mastering",
                [static_lock_class!(), static_lock_class!()],
            ),
            pins <- new_mutex!(Pins {
                list: KVec::new(),
                next: 0,
            }),
            settled <- new_condvar!(),
            log <- Log::new(),
        })
    }

    /// Allows access to guest memory.
    ///
    /// # Safety
    ///
    /// The device must be open, and stay so until [`Self::forbid`] was called.
    pub(crate) unsafe fn allow(&self) {
        // INVARIANT: As the caller promises.
        self.gate.open();
    }

    /// Nothing is known of where guest memory is.
    pub(crate) fn forget_near(&self) {
        self.near.store(false, Relaxed);
    }

    /// Whether guest memory is in the address space of who accessed it last: of the opener, if
    /// only that and the device's thread do.
    pub(crate) fn is_near(&self) -> bool {
        self.near.load(Relaxed)
    }

    /// Allows it no more, and waits for those who are at it.
    pub(crate) fn forbid(&self) {
        self.gate.close();
    }

    /// Follows Bus Master Enable. Who is accessing guest memory when it goes may still do so: see
    /// [`Self::wait_unused`].
    pub(crate) fn set_master(&self, master: bool) {
        match master {
            true => self.mastering.open(),
            false => self.mastering.shut(),
        }
    }

    /// Waits until nobody accesses guest memory, unless the function has Bus Master Enable.
    pub(crate) fn wait_unused(&self) {
        self.mastering.wait_empty_or_open();
    }

    pub(crate) fn enter(&self) -> Option<GuestMemory<'_>> {
        Some(GuestMemory {
            _inside: [self.gate.enter()?, self.mastering.enter()?],
            memory: self,
        })
    }

    /// The log of what was written.
    pub(crate) fn log(&self) -> &Log {
        &self.log
    }

    /// Logs that whatever is pinned to be writable was written: as long as it is, it can be at any
    /// moment.
    #[cfg(CONFIG_IOMMUFD_DRIVER)]
    pub(crate) fn log_pinned(&self) {
        for pin in &self.pins.lock().list {
            pin.log(&self.log);
        }
    }

    /// Unpins all of it that is in a range.
    ///
    /// # Safety
    ///
    /// The device must be open.
    pub(crate) unsafe fn unpin(&self, iova: u64, length: u64) {
        let mut pins = self.pins.lock();
        while let Some(index) = pins.list.iter().position(|pin| pin.touches(iova, length)) {
            if pins.list[index].pages.is_none() {
                self.settled.wait(&mut pins);
                continue;
            }
            // SAFETY: As the caller promises.
            unsafe { self.unpin_one(pins, index) };
            pins = self.pins.lock();
        }
    }

    /// Unpins all of it.
    ///
    /// # Safety
    ///
    /// As [`Self::unpin`].
    pub(crate) unsafe fn unpin_all(&self) {
        // SAFETY: As the caller promises.
        unsafe { self.unpin(0, u64::MAX) };
    }

    /// Undoes the pin at `index` of the list.
    ///
    /// # Safety
    ///
    /// The device must be open.
    unsafe fn unpin_one(&self, mut pins: Guard<'_, Pins, MutexBackend>, index: usize) {
        let pin = &mut pins.list[index];
        if pin.pages.take().is_none() {
            return;
        }
        // Nothing can write to it from here on.
        pin.log(&self.log);
        let (id, iova, count) = (pin.id, pin.iova, pin.count);
        drop(pins);
        // SAFETY: As the caller promises; the range is one that was pinned, and that only we undo,
        // who took its pages.
        // CAST: at most `MAX_PINNED`.
        unsafe { bindings::vfio_unpin_pages(self.vdev, iova, count as c_int) };
        self.pins.lock().list.retain(|pin| pin.id != id);
        self.settled.notify_all();
    }
}

/// Access to the memory of the guest, at the addresses that the device sees.
pub struct GuestMemory<'a> {
    memory: &'a Memory,
    _inside: [Inside<'a>; 2],
}

/// A range of guest memory that stays where it is until [`GuestMemory::unpin`], or until the
/// device is closed or the guest takes the range away, after which it cannot be accessed.
#[must_use = "it stays pinned until the device is closed"]
#[derive(Debug)]
pub struct Pinned {
    id: u64,
}

impl GuestMemory<'_> {
    /// Reads guest memory.
    ///
    /// # Errors
    ///
    /// `EINVAL` or `EPERM` without a mapping that allows it, `EFAULT` if the memory is gone, or
    /// belongs to another process than the one that we run for.
    pub fn read(&self, iova: u64, data: &mut [u8]) -> Result {
        self.transfer(iova, data.as_mut_ptr(), data.len(), false)
    }

    /// Writes guest memory. On failure a part of it may be written.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub fn write(&self, iova: u64, data: &[u8]) -> Result {
        let result = self.transfer(iova, data.as_ptr().cast_mut(), data.len(), true);
        self.memory.log.mark(iova, data.len());
        result
    }

    fn transfer(&self, iova: u64, data: *mut u8, len: usize, write: bool) -> Result {
        if len == 0 {
            return Ok(());
        }
        iova.checked_add(len as u64 - 1).ok_or(EINVAL)?;
        let mut near = false;
        // SAFETY: The device is open by the invariant of `Memory`. `data` is valid for `len`
        // bytes: for writes if guest memory is read, and only read from if it is written.
        let ret = unsafe {
            bindings::mdev_helper_dma_rw(self.memory.vdev, iova, data.cast(), len, write, &mut near)
        };
        if ret == 0 && near != self.memory.near.load(Relaxed) {
            self.memory.near.store(near, Relaxed);
        }
        to_result(ret)
    }

    /// Pins `pages` pages from `iova`, which must be a multiple of the size of a page.
    ///
    /// # Errors
    ///
    /// `EINVAL` for a bad address, no page or more than [`MAX_PINNED`], and for addresses that are
    /// not mapped; `EPERM` for those that may not be written; `ENOMEM`.
    pub fn pin(&self, iova: u64, pages: usize, writable: bool) -> Result<Pinned> {
        let bytes = (pages as u64).checked_mul(PAGE_SIZE as u64).ok_or(EINVAL)?;
        if pages == 0 || pages > MAX_PINNED || iova % PAGE_SIZE as u64 != 0 {
            return Err(EINVAL);
        }
        iova.checked_add(bytes - 1).ok_or(EINVAL)?;
        let memory = self.memory;
        let mut found = KVec::from_elem(null_mut(), pages, GFP_KERNEL)?;
        let id = {
            let mut pins = memory.pins.lock();
            let id = pins.next;
            let pin = Pin {
                id,
                iova,
                count: pages,
                writable,
                pages: None,
            };
            pins.list.push(pin, GFP_KERNEL)?;
            pins.next += 1;
            id
        };
        let prot = bindings::IOMMU_READ | if writable { bindings::IOMMU_WRITE } else { 0 };
        // SAFETY: The device is open by the invariant of `Memory`; `found` has room for so many
        // pages, at most as many as VFIO takes.
        // CAST: a few hundred pages, two bits.
        let ret = unsafe {
            bindings::vfio_pin_pages(
                memory.vdev,
                iova,
                pages as c_int,
                prot as c_int,
                found.as_mut_ptr(),
            )
        };
        let mut pins = memory.pins.lock();
        let result = if ret < 0 {
            pins.list.retain(|pin| pin.id != id);
            Err(Error::from_errno(ret))
        } else {
            // Always there: a pin without pages is left to who makes it.
            if let Some(pin) = pins.list.iter_mut().find(|pin| pin.id == id) {
                pin.pages = Some(found);
            }
            Ok(Pinned { id })
        };
        memory.settled.notify_all();
        result
    }

    /// Gives a pinned range back.
    pub fn unpin(&self, pinned: Pinned) {
        let pins = self.memory.pins.lock();
        if let Some(index) = pins.list.iter().position(|pin| pin.id == pinned.id) {
            // SAFETY: The device is open by the invariant of `Memory`.
            unsafe { self.memory.unpin_one(pins, index) };
        }
    }

    /// Reads from a pinned range.
    ///
    /// # Errors
    ///
    /// `EFAULT` if the range is not pinned any more, or ends before.
    pub fn read_pinned(&self, pinned: &Pinned, offset: usize, data: &mut [u8]) -> Result {
        self.copy(pinned, offset, data.as_mut_ptr(), data.len(), false)
    }

    /// Writes to a range that was pinned to be writable.
    ///
    /// # Errors
    ///
    /// As [`Self::read_pinned`].
    pub fn write_pinned(&self, pinned: &Pinned, offset: usize, data: &[u8]) -> Result {
        self.copy(pinned, offset, data.as_ptr().cast_mut(), data.len(), true)
    }

    fn copy(
        &self,
        pinned: &Pinned,
        offset: usize,
        data: *mut u8,
        len: usize,
        write: bool,
    ) -> Result {
        // With the lock held: what is in the list stays pinned.
        let pins = self.memory.pins.lock();
        let pin = pins.list.iter().find(|pin| pin.id == pinned.id);
        let (pin, pages) = pin
            .and_then(|pin| Some((pin, pin.pages.as_ref()?)))
            .ok_or(EFAULT)?;
        let end = offset.checked_add(len).ok_or(EFAULT)?;
        if end > pages.len() * PAGE_SIZE || (write && !pin.writable) {
            return Err(EFAULT);
        }
        let mut done = 0;
        while done < len {
            let at = offset + done;
            let part = (PAGE_SIZE - at % PAGE_SIZE).min(len - done);
            // SAFETY: The page is pinned, as its pin is in the list and has pages; `part` bytes
            // fit into it. `data` has `part` more bytes, see `transfer`.
            unsafe {
                bindings::mdev_helper_copy_page(
                    pages[at / PAGE_SIZE],
                    at % PAGE_SIZE,
                    data.add(done).cast(),
                    part,
                    write,
                );
            }
            done += part;
        }
        Ok(())
    }
}
