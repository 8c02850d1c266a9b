// SPDX-License-Identifier: GPL-2.0

//! System calls as tests need them: with sizes and addresses that a well-behaved program would
//! never use. All `unsafe` of the programs that use this crate is here.

use nix::{errno::Errno, unistd::ForkResult};
use std::{
    ffi::c_void,
    mem::{size_of, MaybeUninit},
    num::NonZeroUsize,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering},
};
use vfio_bindings::bindings::vfio as uapi;

/// What a system call gives.
pub type Answer<T> = Result<T, Errno>;

/// A structure of the kernel's interface: integers only, without padding.
///
/// # Safety
///
/// Every byte of a value is initialised, and every value of those bytes is valid.
pub unsafe trait Plain: Copy + Default {
    /// The bytes of the structure.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; size_of::<Self>()];
        // SAFETY: `self` is valid for reads of its size and has no uninitialised byte, by the
        // trait's contract; the vector is as long and cannot overlap with it.
        unsafe {
            std::ptr::copy_nonoverlapping(
                (self as *const Self).cast(),
                bytes.as_mut_ptr(),
                bytes.len(),
            );
        }
        bytes
    }

    /// The structure at the start of `bytes`; what they lack reads as zero.
    fn of(bytes: &[u8]) -> Self {
        let mut value = MaybeUninit::<Self>::zeroed();
        let count = bytes.len().min(size_of::<Self>());
        // SAFETY: at most the value's own size is copied, from a slice at least as long.
        unsafe { std::ptr::copy_nonoverlapping(bytes.as_ptr(), value.as_mut_ptr().cast(), count) };
        // SAFETY: every byte was zeroed or copied, and any bytes are a valid value, by the
        // trait's contract.
        unsafe { value.assume_init() }
    }
}

macro_rules! plain {
    ($($name:ident),* $(,)?) => {$(
        // SAFETY: the structure has integers only; its size is the sum of theirs, which the
        // bindings themselves assert field by field.
        unsafe impl Plain for uapi::$name {}
    )*};
}
plain!(
    vfio_device_attach_iommufd_pt,
    vfio_device_bind_iommufd,
    vfio_device_feature_dma_logging_control,
    vfio_device_feature_dma_logging_range,
    vfio_device_feature_dma_logging_report,
    vfio_device_feature_mig_state,
    vfio_info_cap_header,
    vfio_iommu_type1_dma_map,
    vfio_irq_info,
    vfio_precopy_info,
    vfio_region_info,
);

/// Bytes behind an argument, so that a kernel that writes a little more hits nothing of ours.
const SLACK: usize = 4096;

/// One ioctl whose argument is a copy of `argument`, copied back whatever the answer was.
pub fn ioctl(fd: BorrowedFd<'_>, request: u64, argument: &mut [u8]) -> Answer<i32> {
    // Of u64, for the alignment of any structure.
    let mut copy = vec![0_u64; (argument.len() + SLACK).div_ceil(8)];
    let start: *mut u8 = copy.as_mut_ptr().cast();
    // SAFETY: the vector is longer than the slice and newly made.
    unsafe { std::ptr::copy_nonoverlapping(argument.as_ptr(), start, argument.len()) };
    // SAFETY: the argument is memory of our own with room for more than any request here takes.
    let answer = unsafe { libc::ioctl(fd.as_raw_fd(), request, start) };
    // SAFETY: as above, the other way round.
    unsafe { std::ptr::copy_nonoverlapping(start, argument.as_mut_ptr(), argument.len()) };
    Errno::result(answer)
}

/// One ioctl with a number in place of a pointer.
pub fn ioctl_number(fd: BorrowedFd<'_>, request: u64, number: u64) -> Answer<i32> {
    // SAFETY: the requests that this is used for take a number; those that take a pointer are
    // given one into `Pages`, which holds nothing but what tests put there.
    Errno::result(unsafe { libc::ioctl(fd.as_raw_fd(), request, number) })
}

/// An owned descriptor of a number that the kernel has just given.
pub fn owned(fd: RawFd) -> Option<OwnedFd> {
    // SAFETY: the kernel installed it for the call that just returned, nobody else knows it.
    (fd >= 0).then(|| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// `read` into `buffer`.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Answer<usize> {
    read_at_address(fd, buffer.as_mut_ptr() as usize, buffer.len())
}

/// `write` of `bytes`.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Answer<usize> {
    write_at_address(fd, bytes.as_ptr() as usize, bytes.len())
}

/// `read` into any address.
pub fn read_at_address(fd: BorrowedFd<'_>, address: usize, length: usize) -> Answer<usize> {
    // SAFETY: the callers of this module pass a slice of that length, or an address in `Pages`
    // that nothing else is at.
    let answer = unsafe { libc::read(fd.as_raw_fd(), address as *mut c_void, length) };
    Errno::result(answer).map(|count| count as usize)
}

/// `write` from any address.
pub fn write_at_address(fd: BorrowedFd<'_>, address: usize, length: usize) -> Answer<usize> {
    // SAFETY: writing to a file never changes memory of ours; a bad address is the kernel's to refuse.
    let answer = unsafe { libc::write(fd.as_raw_fd(), address as *const c_void, length) };
    Errno::result(answer).map(|count| count as usize)
}

/// `pread` into `buffer`, at any position.
pub fn pread(fd: BorrowedFd<'_>, buffer: &mut [u8], position: i64) -> Answer<usize> {
    pread_at_address(fd, buffer.as_mut_ptr() as usize, buffer.len(), position)
}

/// `pread` into any address.
pub fn pread_at_address(
    fd: BorrowedFd<'_>,
    address: usize,
    length: usize,
    position: i64,
) -> Answer<usize> {
    // SAFETY: as for `read_at_address`.
    let answer = unsafe { libc::pread(fd.as_raw_fd(), address as *mut c_void, length, position) };
    Errno::result(answer).map(|count| count as usize)
}

/// `pwrite` of `bytes`, at any position.
pub fn pwrite(fd: BorrowedFd<'_>, bytes: &[u8], position: i64) -> Answer<usize> {
    pwrite_at_address(fd, bytes.as_ptr() as usize, bytes.len(), position)
}

/// `pwrite` from any address.
pub fn pwrite_at_address(
    fd: BorrowedFd<'_>,
    address: usize,
    length: usize,
    position: i64,
) -> Answer<usize> {
    // SAFETY: as for `write_at_address`.
    let answer =
        unsafe { libc::pwrite(fd.as_raw_fd(), address as *const c_void, length, position) };
    Errno::result(answer).map(|count| count as usize)
}

/// Size of a page, as all machines with VFIO mdev devices that this was written for have it.
pub const PAGE: usize = 4096;

/// Memory for bad pointers: a page that can be written, one that can only be read, one that
/// cannot be touched, in this order; then again one that can be written, and one that cannot be
/// touched.
pub struct Pages(NonNull<c_void>);

impl Pages {
    /// The five pages, zeroed.
    pub fn new() -> Answer<Self> {
        use nix::sys::mman::{mmap_anonymous, mprotect, MapFlags, ProtFlags};
        let length = NonZeroUsize::MIN.saturating_add(5 * PAGE - 1);
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new anonymous mapping, at an address of the kernel's choice.
        let start = unsafe { mmap_anonymous(None, length, both, MapFlags::MAP_PRIVATE)? };
        let pages = Self(start);
        let page = |number: usize| {
            // SAFETY: inside the mapping, which is five pages long.
            unsafe { start.byte_add(number * PAGE) }
        };
        // SAFETY: no reference into these pages exists.
        unsafe { mprotect(page(1), PAGE, ProtFlags::PROT_READ)? };
        // SAFETY: as above.
        unsafe { mprotect(page(2), PAGE, ProtFlags::PROT_NONE)? };
        // SAFETY: as above.
        unsafe { mprotect(page(4), PAGE, ProtFlags::PROT_NONE)? };
        Ok(pages)
    }

    /// Address of the page that can be written.
    pub fn writable(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Address of the page that can only be read.
    pub fn read_only(&self) -> usize {
        self.writable() + PAGE
    }

    /// Address of the page that cannot be touched.
    pub fn forbidden(&self) -> usize {
        self.writable() + 2 * PAGE
    }

    /// Puts `bytes` before a page that cannot be touched; their address.
    pub fn put_at_edge(&self, bytes: &[u8]) -> usize {
        let offset = 4 * PAGE - bytes.len();
        assert!(offset >= 3 * PAGE);
        self.put_anywhere(offset, bytes);
        self.writable() + offset
    }

    /// Puts `bytes` into the writable page, at `offset`.
    pub fn put(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= PAGE);
        self.put_anywhere(offset, bytes);
    }

    fn put_anywhere(&self, offset: usize, bytes: &[u8]) {
        // SAFETY: inside a writable page, by the callers' assertions; no reference into it exists.
        unsafe {
            let to = self.0.as_ptr().cast::<u8>().add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
    }

    /// `length` bytes of those that `put_at_edge` put at `address`.
    pub fn get_at_edge(&self, address: usize, length: usize) -> Vec<u8> {
        let offset = address - self.writable();
        assert!(offset >= 3 * PAGE && offset + length <= 4 * PAGE);
        let mut bytes = vec![0; length];
        // SAFETY: inside the second writable page, by the assertion.
        unsafe {
            let from = self.0.as_ptr().cast::<u8>().add(offset);
            std::ptr::copy_nonoverlapping(from, bytes.as_mut_ptr(), length);
        }
        bytes
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and no reference into it exists.
        let _ = unsafe { nix::sys::mman::munmap(self.0, 5 * PAGE) };
    }
}

/// A shared mapping of a device's file, or memory that a device may use.
#[derive(Debug)]
pub struct Mapping {
    start: NonNull<c_void>,
    length: usize,
}

// SAFETY: the mapping belongs to the process, and all access to it is by copies and atomic
// operations.
unsafe impl Send for Mapping {}

// SAFETY: as above; bytes that another thread writes meanwhile are old or new.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes of `fd` at `offset`, shared unless `private`.
    pub fn new(fd: BorrowedFd<'_>, offset: i64, length: usize, private: bool) -> Answer<Self> {
        use nix::sys::mman::{mmap, MapFlags, ProtFlags};
        let flags = if private {
            MapFlags::MAP_PRIVATE
        } else {
            MapFlags::MAP_SHARED
        };
        let size = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let start = unsafe {
            mmap(
                None,
                size,
                ProtFlags::PROT_READ | ProtFlags::PROT_WRITE,
                flags,
                fd,
                offset,
            )?
        };
        Ok(Self { start, length })
    }

    /// Maps `length` bytes of new memory, all 0, shared with children of this process.
    pub fn anonymous(length: usize) -> Answer<Self> {
        use nix::sys::mman::{mmap_anonymous, MapFlags, ProtFlags};
        let size = NonZeroUsize::new(length).ok_or(Errno::EINVAL)?;
        let both = ProtFlags::PROT_READ | ProtFlags::PROT_WRITE;
        // SAFETY: a new mapping, at an address of the kernel's choice.
        let start = unsafe { mmap_anonymous(None, size, both, MapFlags::MAP_SHARED)? };
        Ok(Self { start, length })
    }

    /// Where it is in this process.
    pub fn address(&self) -> usize {
        self.start.as_ptr() as usize
    }

    /// How many bytes it has.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Copies bytes from `offset` into `buffer`, as fast as can be.
    pub fn copy_out(&self, offset: usize, buffer: &mut [u8]) {
        let end = offset.checked_add(buffer.len());
        assert!(end.is_some_and(|end| end <= self.length));
        // SAFETY: inside the mapping, by the assertion, and apart from the buffer, which is a
        // caller's own. The device may write there meanwhile: then the bytes are old or new, which is
        // what users of such memory live with.
        unsafe {
            let from = self.start.as_ptr().cast::<u8>().add(offset);
            std::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len());
        }
    }

    /// Copies `bytes` to `offset`, as fast as can be.
    pub fn copy_in(&self, offset: usize, bytes: &[u8]) {
        let end = offset.checked_add(bytes.len());
        assert!(end.is_some_and(|end| end <= self.length));
        // SAFETY: as for `copy_out`, the other way round.
        unsafe {
            let to = self.start.as_ptr().cast::<u8>().add(offset);
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len());
        }
    }

    /// The aligned dword at `offset`, read at once and before all that is read after it.
    pub fn load(&self, offset: usize) -> u32 {
        self.dword(offset).load(Ordering::SeqCst)
    }

    /// Writes the aligned dword at `offset` at once and after all that was written before it.
    pub fn store(&self, offset: usize, value: u32) {
        self.dword(offset).store(value, Ordering::SeqCst);
    }

    fn dword(&self, offset: usize) -> &AtomicU32 {
        assert!(offset % 4 == 0 && offset + 4 <= self.length);
        // SAFETY: inside the mapping and aligned, by the assertion, for as long as `self` lives; no
        // reference into it but such ones exists, and memory that is shared with others may be
        // accessed by atomic operations.
        unsafe { AtomicU32::from_ptr(self.start.as_ptr().byte_add(offset).cast()) }
    }

    /// `length` bytes from `offset`.
    pub fn get(&self, offset: usize, length: usize) -> Vec<u8> {
        assert!(offset + length <= self.length);
        let from = self.start.as_ptr().cast::<u8>();
        let one = |at: usize| {
            // SAFETY: inside the mapping, by the assertion; the device may change the byte at any
            // time, so it is read once and never referred to.
            unsafe { from.add(at).read_volatile() }
        };
        (offset..offset + length).map(one).collect()
    }

    /// Puts `bytes` at `offset`.
    pub fn put(&self, offset: usize, bytes: &[u8]) {
        assert!(offset + bytes.len() <= self.length);
        let to = self.start.as_ptr().cast::<u8>();
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: inside the mapping, by the assertion.
            unsafe { to.add(offset + at).write_volatile(*byte) };
        }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours and no reference into it exists.
        let _ = unsafe { nix::sys::mman::munmap(self.start, self.length) };
    }
}

/// Forks; the child runs `work` and ends with its status, whatever happens in it. For use in a
/// process with a single thread.
pub fn fork(work: impl FnOnce() -> i32) -> Answer<nix::unistd::Pid> {
    // SAFETY: callers have a single thread, so no lock can be held by one that the child lacks.
    match unsafe { nix::unistd::fork()? } {
        ForkResult::Parent { child } => Ok(child),
        ForkResult::Child => {
            let status =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).unwrap_or(101);
            // SAFETY: ends the process; nothing of the parent's is run on the way.
            unsafe { libc::_exit(status) }
        }
    }
}
