// SPDX-License-Identifier: GPL-2.0

//! The file that a session's bytes go through, for a client of the second protocol.
//!
//! The file may outlive the session, the device and the mdev: what it can reach of them is a link,
//! cut when the session ends and at the latest by the device's last close. It keeps the driver's
//! module loaded, as its operations are code of it.
//!
//! Locks, in order: `transfer`, `link`, and then the device's own. User memory is only waited for
//! under `transfer`, which nothing but this file takes: a client whose memory never answers
//! stops itself alone. Under the device's locks it is written to only as far as it is there.
//!
//! C header: [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h),
//! "enum vfio_device_mig_state" and "struct vfio_precopy_info"

use crate::{
    bindings,
    driver::Driver,
    state::State, //
};
use core::{
    marker::PhantomData,
    mem::{
        size_of,
        ManuallyDrop, //
    },
    ops::Range,
    ptr::NonNull, //
};
use kernel::{
    error::{
        from_err_ptr,
        from_result, //
    },
    ioctl::_IO,
    module::this_module,
    new_mutex,
    prelude::*,
    sync::{
        Arc,
        Mutex, //
    },
    types::ForeignOwnable,
    uaccess::{
        UserPtr,
        UserSlice,
        UserSliceReader, //
    },
};
use migcore::migration::{
    Direct,
    Direction,
    Filled,
    Pending,
    Put, //
};
use migcore::stream::MAX_RECORD;

/// Bytes that are taken from or given to a device at once: room for one record of any kind.
const BUFFER: usize = MAX_RECORD;

/// What a file can reach of its device.
struct Link<T: Driver>(NonNull<State<T>>);

// SAFETY: A device is `Sync`, and lives as long as the link is not cut.
unsafe impl<T: Driver> Send for Link<T> {}

/// Bytes between a device and a client.
struct Transfer {
    buffer: KVVec<u8>,
    /// What was filled and not yet read.
    rest: Range<usize>,
    /// Whether that is of what must be read at least once.
    initial: bool,
}

/// What is left of the memory that a client reads into.
struct Room {
    to: UserPtr,
    len: usize,
}

impl Room {
    /// Copies bytes to its start, of which there are at most `len`. Waits for memory that is not
    /// there.
    fn write(&self, bytes: &[u8]) -> Result {
        UserSlice::new(self.to, bytes.len())
            .writer()
            .write_slice(bytes)
    }

    /// So many bytes at its start are done with.
    fn skip(&mut self, count: usize) {
        self.to = self.to.wrapping_byte_add(count);
        self.len = self.len.saturating_sub(count);
    }
}

impl Direct for Room {
    fn room(&self) -> usize {
        self.len
    }

    fn put(&mut self, at: usize, bytes: &[u8]) -> bool {
        let end = at.checked_add(bytes.len());
        if end.is_none_or(|end| end > self.len) {
            return false;
        }
        let to = self.to.wrapping_byte_add(at).as_mut_ptr();
        // SAFETY: Reads a slice, all of it. Whatever the pointer is, nothing but user memory is written, as the
        // function looks first (`access_ok`); whose, that is the current task's, which is the reader's. What is
        // not there faults, which ends the copy: nobody is waited for.
        unsafe { bindings::mdev_helper_lend_to_user(to, bytes.as_ptr().cast(), bytes.len()) == 0 }
    }
}

/// The client's end of a session. Shared by the file and, until the session ends, the device.
#[pin_data]
pub(crate) struct Session<T: Driver> {
    #[pin]
    link: Mutex<Option<Link<T>>>,
    #[pin]
    transfer: Mutex<Transfer>,
}

impl<T: Driver> Session<T> {
    /// The end of a session of `device`.
    ///
    /// # Safety
    ///
    /// [`Self::cut`] must be called before `device` goes away, unless no client ever gets a file
    /// of it.
    pub(crate) unsafe fn new(device: &State<T>) -> Result<Arc<Self>> {
        // On the client's account, who may keep any number of files.
        let buffer = KVVec::from_elem(0, BUFFER, GFP_KERNEL_ACCOUNT)?;
        let link = Link(NonNull::from(device));
        Arc::pin_init(
            pin_init!(Self {
                link <- new_mutex!(Some(link)),
                transfer <- new_mutex!(Transfer {
                    buffer,
                    rest: 0..0,
                    initial: false,
                }),
            }),
            GFP_KERNEL,
        )
    }

    /// Ends it: waits for who is with the device just now, and lets nobody go there again.
    ///
    /// Not to be called with a lock that the device's part of a transfer takes.
    pub(crate) fn cut(&self) {
        *self.link.lock() = None;
        // A file may be kept for long, and needs no memory any more. Who is at the buffer now, maybe
        // waiting for the client's memory, is not waited for.
        if let Some(mut transfer) = self.transfer.try_lock() {
            transfer.rest = 0..0;
            transfer.buffer = KVVec::new();
        }
    }

    /// Uses the device, unless the session has ended (`ENODEV`).
    fn with_device<R>(&self, f: impl FnOnce(&State<T>) -> Result<R>) -> Result<R> {
        let link = self.link.lock();
        let Link(device) = link.as_ref().ok_or(ENODEV)?;
        // SAFETY: By the contract of `new` the device is there until the link is cut, which takes
        // the lock that is held here.
        f(unsafe { device.as_ref() })
    }

    /// Gives the client as many bytes as there are and as it asked for. If it asked for more than a
    /// record it may get fewer, whole records: one that is cut is copied twice.
    fn read(&self, mut out: Room) -> Result<usize> {
        let mut transfer = self.transfer.lock();
        let Transfer {
            buffer,
            rest,
            initial,
        } = &mut *transfer;
        // Also nothing is asked about: a session that has ended says so.
        self.with_device(|device| device.check_session(self))?;
        let whole = out.len >= MAX_RECORD;
        let mut done = 0;
        while out.len > 0 {
            let unread = rest.end - rest.start;
            if whole && unread == 0 && out.len < MAX_RECORD {
                break;
            }
            // Asked again for each piece, as the session may end between two.
            let put = self.with_device(|device| {
                if unread > 0 {
                    let bytes = Put::Here(Filled::Bytes(unread));
                    return device.check_session(self).map(|()| bytes);
                }
                let (put, first) = device.put(self, buffer, &mut out)?;
                if let Put::Here(Filled::Bytes(count)) = put {
                    (*rest, *initial) = (0..count, first);
                }
                Ok(put)
            });
            let given = match put {
                Ok(Put::There(count)) => count,
                Ok(Put::Here(Filled::Bytes(_))) => {
                    let piece = buffer.get(rest.clone()).ok_or(EIO)?;
                    let piece = &piece[..piece.len().min(out.len)];
                    match out.write(piece) {
                        Ok(()) => {}
                        Err(_) if done > 0 => break,
                        Err(errno) => return Err(errno),
                    }
                    rest.start += piece.len();
                    piece.len()
                }
                Ok(Put::Here(Filled::End)) => break,
                // What was given out stays given out, whatever comes after it.
                _ if done > 0 => break,
                Ok(Put::Here(Filled::Nothing)) => return Err(ENOMSG),
                Err(errno) => return Err(errno),
            };
            out.skip(given);
            done += given;
        }
        Ok(done)
    }

    /// Takes what the client has.
    fn write(&self, mut from: UserSliceReader) -> Result<usize> {
        let mut transfer = self.transfer.lock();
        let buffer = &mut transfer.buffer;
        // Also nothing is asked about: a session that has ended says so.
        self.with_device(|device| device.check_session(self))?;
        let mut done = 0;
        while !from.is_empty() {
            let wanted = self.with_device(|device| device.wanted(self, buffer.len()))?;
            let size = from.len().min(wanted);
            let piece = buffer.get_mut(..size).ok_or(EIO)?;
            match from.read_slice(piece) {
                Ok(()) => {}
                Err(_) if done > 0 => break,
                Err(errno) => return Err(errno),
            }
            // A refusal is the answer to the whole write: there is no good part of a bad stream.
            self.with_device(|device| device.push(self, piece))?;
            done += size;
        }
        Ok(done)
    }

    /// What there is to read before the device stops, and whether it is told in the second form.
    fn precopy(&self) -> Result<(Pending, bool)> {
        let transfer = self.transfer.lock();
        let (mut pending, second) = self.with_device(|device| {
            let pending = device.precopy(self)?;
            Ok((pending, device.knows_precopy_info_v2()))
        })?;
        let unread = transfer.rest.len() as u64;
        let counted = match transfer.initial {
            true => &mut pending.initial,
            false => &mut pending.dirty,
        };
        *counted = counted.saturating_add(unread);
        Ok((pending, second))
    }

    /// `VFIO_MIG_GET_PRECOPY_INFO`.
    fn precopy_info(&self, arg: usize) -> Result {
        const SIZE: usize = size_of::<bindings::vfio_precopy_info>();
        let slice = UserSlice::new(UserPtr::from_addr(arg), SIZE);
        let (mut reader, mut writer) = slice.reader_writer();
        let [argsz, flags] = reader.read::<[u32; 2]>()?;
        if (argsz as usize) < SIZE {
            return Err(EINVAL);
        }
        let (pending, second) = self.precopy()?;
        // In the first form the flags are left as they came.
        let flags = match (second, pending.reinit) {
            (false, _) => flags,
            (true, false) => 0,
            (true, true) => bindings::VFIO_PRECOPY_INFO_REINIT,
        };
        writer.write(&[argsz, flags])?;
        writer.write(&[pending.initial, pending.dirty])
    }
}

// The uapi header gives it as an expression that bindgen does not evaluate.
const GET_PRECOPY_INFO: u32 = _IO(bindings::VFIO_TYPE as u32, bindings::VFIO_BASE + 21);

/// Nothing to read for now, more later.
const ENOMSG: Error = kernel::error::code::ENOMSG;

/// A file that no client has yet.
pub(crate) struct NewFile(NonNull<bindings::file>);

impl NewFile {
    /// Hands it to who installs it.
    pub(crate) fn into_raw(self) -> *mut bindings::file {
        ManuallyDrop::new(self).0.as_ptr()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // SAFETY: Its only reference.
        unsafe { bindings::fput(self.0.as_ptr()) };
    }
}

/// Makes the file of `session`.
///
/// # Errors
///
/// `ENOMEM`, `ENFILE`.
pub(crate) fn open<T: Driver>(session: Arc<Session<T>>, direction: Direction) -> Result<NewFile> {
    let (operations, flags) = match direction {
        Direction::Save => (&Operations::<T>::SAVE, bindings::O_RDONLY),
        Direction::Load => (&Operations::<T>::LOAD, bindings::O_WRONLY),
    };
    let private = session.into_foreign();
    // SAFETY: The name is a string, the operations are static, and take the session over if this
    // succeeds.
    let file = from_err_ptr(unsafe {
        bindings::anon_inode_getfile(
            c"[vfio-migration]".as_char_ptr().cast(),
            operations,
            private,
            // CAST: a few low bits.
            flags as c_int,
        )
    })
    .inspect_err(|_| {
        // SAFETY: From `into_foreign` just now; no file has it.
        drop(unsafe { Arc::<Session<T>>::from_foreign(private) });
    })?;
    // SAFETY: The file was just made. This never fails: it only changes the file's mode.
    unsafe { bindings::stream_open((*file).f_inode, file) };
    NonNull::new(file).map(NewFile).ok_or(EIO)
}

/// The operations of a file, which differ by direction: the wrong one gives `EBADF`.
struct Operations<T>(PhantomData<T>);

impl<T: Driver> Operations<T> {
    const SAVE: bindings::file_operations = {
        let mut table = Self::common();
        table.read = Some(Self::read);
        table.unlocked_ioctl = Some(Self::ioctl);
        table.compat_ioctl = bindings::compat_ptr_ioctl;
        table
    };

    const LOAD: bindings::file_operations = {
        let mut table = Self::common();
        table.write = Some(Self::write);
        table
    };

    const fn common() -> bindings::file_operations {
        // SAFETY: Pointers and optional functions: zeroes are valid.
        let mut table: bindings::file_operations = unsafe { core::mem::zeroed() };
        table.owner = this_module::<T::OwnerModule>().as_ptr();
        table.release = Some(Self::release);
        table
    }

    /// The session of a file.
    ///
    /// # Safety
    ///
    /// `file` must be from [`open`], and not be released as long as the result lives.
    unsafe fn session<'a>(
        file: *mut bindings::file,
    ) -> <Arc<Session<T>> as ForeignOwnable>::Borrowed<'a> {
        // SAFETY: `open` stored it, and only `release` takes it back.
        unsafe { Arc::<Session<T>>::borrow((*file).private_data) }
    }

    /// Reads from a save session.
    ///
    /// # Safety
    ///
    /// As [`Self::session`].
    unsafe extern "C" fn read(
        file: *mut bindings::file,
        to: *mut c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: As the caller promises.
        let session = unsafe { Self::session(file) };
        let out = Room {
            to: UserPtr::from_ptr(to.cast()),
            len: count,
        };
        // CAST: the VFS cuts `count` well below.
        from_result(|| session.read(out).map(|done| done as isize))
    }

    /// Writes to a load session.
    ///
    /// # Safety
    ///
    /// As [`Self::session`].
    unsafe extern "C" fn write(
        file: *mut bindings::file,
        from: *const c_char,
        count: usize,
        _position: *mut bindings::loff_t,
    ) -> isize {
        // SAFETY: As the caller promises.
        let session = unsafe { Self::session(file) };
        let from = UserSlice::new(UserPtr::from_ptr(from.cast_mut().cast()), count).reader();
        // CAST: the VFS cuts `count` well below.
        from_result(|| session.write(from).map(|done| done as isize))
    }

    /// Says how much there is to read before the device stops.
    ///
    /// # Safety
    ///
    /// As [`Self::session`].
    unsafe extern "C" fn ioctl(file: *mut bindings::file, command: c_uint, arg: c_ulong) -> c_long {
        if command != GET_PRECOPY_INFO {
            return ENOTTY.to_errno() as c_long;
        }
        // SAFETY: As the caller promises.
        let session = unsafe { Self::session(file) };
        from_result(|| session.precopy_info(arg).map(|()| 0))
    }

    /// Lets the client's end go. The session goes on without: only its state ends it.
    ///
    /// # Safety
    ///
    /// `file` must be from [`open`] and not be used any more.
    unsafe extern "C" fn release(_inode: *mut bindings::inode, file: *mut bindings::file) -> c_int {
        // SAFETY: From `into_foreign` in `open`; the last use.
        drop(unsafe { Arc::<Session<T>>::from_foreign((*file).private_data) });
        0
    }
}
