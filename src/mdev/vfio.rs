// SPDX-License-Identifier: GPL-2.0

//! What VFIO calls: the callbacks of an open device, each as short as can be.
//!
//! C header: [`include/linux/vfio.h`](srctree/include/linux/vfio.h)

use crate::{
    bindings,
    device::{
        Born,
        Device, //
    },
    driver::Driver,
    info,
    protocols::Protocols,
    region,
    set_irqs::set_irqs,
    state::State,
    sysfs,
    v2, //
};
use core::{
    marker::PhantomData,
    ptr::NonNull, //
};
use kernel::{
    error::from_result,
    ioctl::_IO,
    prelude::*,
    uaccess::{
        UserPtr,
        UserSlice, //
    },
};

const fn request(nr: u32) -> u32 {
    _IO(bindings::VFIO_TYPE as u32, bindings::VFIO_BASE + nr)
}

// The uapi header gives them as expressions that bindgen does not evaluate.
const GET_INFO: u32 = request(7);
const GET_IRQ_INFO: u32 = request(9);
const SET_IRQS: u32 = request(10);
const RESET: u32 = request(11);

/// The callbacks of `struct vfio_device_ops`.
pub(crate) struct Operations<T>(PhantomData<T>);

impl<T: Driver> Operations<T> {
    pub(crate) const TABLE: bindings::vfio_device_ops = {
        // SAFETY: Pointers and optional functions: zeroes are valid.
        let mut table: bindings::vfio_device_ops = unsafe { core::mem::zeroed() };
        table.name = sysfs::c_name(T::NAME).cast_mut().cast();
        table.init = Some(Self::init);
        table.release = Some(Self::release);
        table.open_device = Some(Self::open_device);
        table.close_device = Some(Self::close_device);
        table.read = Some(Self::read);
        table.write = Some(Self::write);
        table.ioctl = Some(Self::ioctl);
        table.get_region_info_caps = Some(Self::get_region_info_caps);
        table.mmap = Some(Self::mmap);
        table.request = Some(Self::request);
        table.dma_unmap = Some(Self::dma_unmap);
        // Registering without these is a warning where the kernel has iommufd; where it has not,
        // they are no functions.
        #[cfg(CONFIG_IOMMUFD)]
        {
            table.bind_iommufd = Some(bindings::vfio_iommufd_emulated_bind);
            table.unbind_iommufd = Some(bindings::vfio_iommufd_emulated_unbind);
            table.attach_ioas = Some(bindings::vfio_iommufd_emulated_attach_ioas);
            table.detach_ioas = Some(bindings::vfio_iommufd_emulated_detach_ioas);
        }
        table
    };

    /// What is ours of a device.
    ///
    /// # Safety
    ///
    /// `init` must have succeeded for `vdev`, and `release` not been called while the result lives.
    unsafe fn state<'a>(vdev: *mut bindings::vfio_device) -> &'a State<T> {
        // SAFETY: As the caller promises; `vdev` starts a `Device<T>`.
        unsafe { &(*vdev.cast::<Device<T>>()).state }
    }

    /// Makes what is ours of a device.
    ///
    /// # Safety
    ///
    /// `vdev` must start an allocation of the size of a `Device<T>`, made for a device whose driver's
    /// data is a `Born<T>`.
    unsafe extern "C" fn init(vdev: *mut bindings::vfio_device) -> c_int {
        from_result(|| {
            // SAFETY: `Device::register` set it, and allocates while it is there.
            let &Born { seat, uuid } =
                unsafe { &*bindings::dev_get_drvdata((*vdev).dev).cast::<Born<'_, T>>() };
            // SAFETY: `device_made`, below, makes the parent wait for the device. The allocation has the size of `Device<T>`, and is freed only
            // after `release`, so that the address is stable.
            unsafe {
                let state = State::new(seat, uuid, NonNull::new(vdev).ok_or(EINVAL)?)?;
                let device = vdev.cast::<Device<T>>();
                pin_init::raw_try_init(&raw mut (*device).state, state)?;
                if Self::state(vdev).protocols().is_some_and(Protocols::has_v2) {
                    v2::offer::<T>(vdev);
                    #[cfg(CONFIG_IOMMUFD_DRIVER)]
                    crate::logging::offer::<T>(vdev);
                }
            }
            seat.parent.device_made();
            Ok(0)
        })
    }

    /// Undoes [`Self::init`].
    ///
    /// # Safety
    ///
    /// `init` must have succeeded for `vdev`, and nothing may use what is ours of it any more.
    unsafe extern "C" fn release(vdev: *mut bindings::vfio_device) {
        // SAFETY: `init` succeeded, and this is the last callback. The parent outlives the device,
        // which is counted until the line after this block.
        let parent = unsafe {
            let state = &raw mut (*vdev.cast::<Device<T>>()).state;
            let parent = core::ptr::from_ref((*state).seat().parent.get_ref());
            core::ptr::drop_in_place(state);
            &*parent
        };
        parent.device_released();
    }

    /// The first user opens the device.
    ///
    /// # Safety
    ///
    /// `vdev` must be a registered device of `T`.
    unsafe extern "C" fn open_device(vdev: *mut bindings::vfio_device) -> c_int {
        // SAFETY: The core opens only registered devices, and calls `close_device` before it
        // takes the device for closed.
        from_result(|| unsafe { Self::state(vdev).open() }.map(|()| 0))
    }

    /// The last user is gone.
    ///
    /// # Safety
    ///
    /// `open_device` must have succeeded.
    unsafe extern "C" fn close_device(vdev: *mut bindings::vfio_device) {
        // SAFETY: The core calls this once for each successful `open_device`.
        unsafe { Self::state(vdev).close() }
    }

    /// Reads from a region.
    ///
    /// # Safety
    ///
    /// `vdev` must be open, and `position` valid for reads and writes.
    unsafe extern "C" fn read(
        vdev: *mut bindings::vfio_device,
        buf: *mut c_char,
        count: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        from_result(|| {
            let mut user = UserSlice::new(UserPtr::from_ptr(buf.cast()), count).writer();
            // SAFETY: The core reads only open devices, and passes a position of its own.
            let done = unsafe { region::read(Self::state(vdev), &mut user, *position)? };
            // SAFETY: As above.
            // CAST: NO-OVERFLOW: both lie in one region.
            unsafe { *position += done as bindings::loff_t };
            Ok(done as isize)
        })
    }

    /// Writes to a region.
    ///
    /// # Safety
    ///
    /// As [`Self::read`].
    unsafe extern "C" fn write(
        vdev: *mut bindings::vfio_device,
        buf: *const c_char,
        count: usize,
        position: *mut bindings::loff_t,
    ) -> isize {
        from_result(|| {
            let user = UserPtr::from_ptr(buf.cast_mut().cast());
            let mut user = UserSlice::new(user, count).reader();
            // SAFETY: As in `read`.
            let done = unsafe { region::write(Self::state(vdev), &mut user, *position)? };
            // SAFETY: As in `read`.
            // CAST: NO-OVERFLOW: as in `read`.
            unsafe { *position += done as bindings::loff_t };
            Ok(done as isize)
        })
    }

    /// Answers requests.
    ///
    /// # Safety
    ///
    /// `vdev` must be open.
    unsafe extern "C" fn ioctl(
        vdev: *mut bindings::vfio_device,
        request: c_uint,
        argument: c_ulong,
    ) -> c_long {
        // SAFETY: The core calls this only for open devices.
        let state = unsafe { Self::state(vdev) };
        // As far as the kind of request says.
        let user = UserSlice::new(UserPtr::from_addr(argument), usize::MAX);
        from_result(|| {
            match request {
                GET_INFO => info::device(state, user)?,
                GET_IRQ_INFO => info::interrupt(state.context().interrupts(), user)?,
                SET_IRQS => {
                    set_irqs(state.context().interrupts(), user.reader())?;
                    // What is raised may have to be told in another way now.
                    state.context().wake();
                }
                RESET => state.reset(),
                _ => return Err(ENOTTY),
            }
            Ok(0)
        })
    }

    /// Describes a region.
    ///
    /// # Safety
    ///
    /// `vdev` must be open, `info` and `caps` valid.
    unsafe extern "C" fn get_region_info_caps(
        vdev: *mut bindings::vfio_device,
        info: *mut bindings::vfio_region_info,
        caps: *mut bindings::vfio_info_cap,
    ) -> c_int {
        from_result(|| {
            // SAFETY: The core passes structures of its own, for open devices.
            let (state, info, caps) = unsafe { (Self::state(vdev), &mut *info, &mut *caps) };
            info::region(state, info, caps).map(|()| 0)
        })
    }

    /// Maps a part of the device's file.
    ///
    /// # Safety
    ///
    /// `vdev` must be open, and `vma` a new mapping of its file.
    unsafe extern "C" fn mmap(
        vdev: *mut bindings::vfio_device,
        vma: *mut bindings::vm_area_struct,
    ) -> c_int {
        // SAFETY: The core passes new mappings of open devices.
        from_result(|| unsafe { region::map(Self::state(vdev), vma) }.map(|()| 0))
    }

    /// Somebody wants to remove the device.
    ///
    /// # Safety
    ///
    /// `vdev` must be a device of `T`, which is not released before this returns.
    unsafe extern "C" fn request(vdev: *mut bindings::vfio_device, count: c_uint) {
        // SAFETY: The core asks while it unregisters the device.
        let state = unsafe { Self::state(vdev) };
        if !state.request() && count == 0 {
            // SAFETY: The mdev is being removed, and stays until that has ended.
            let dev: &kernel::device::Device =
                unsafe { kernel::device::Device::from_raw((*vdev).dev) };
            dev.pr_warn(format_args!(
                "to be removed, but its user listens to no request: waiting until it is closed\n"
            ));
        }
    }

    /// A range of guest memory goes.
    ///
    /// # Safety
    ///
    /// `vdev` must be a device of `T`, which is registered with a container.
    unsafe extern "C" fn dma_unmap(vdev: *mut bindings::vfio_device, iova: u64, length: u64) {
        // SAFETY: The core calls this between opening and closing. Before the former and after
        // the latter nothing is pinned, and nothing is done.
        unsafe {
            Self::state(vdev)
                .context()
                .memory_of_device()
                .unpin(iova, length)
        }
    }
}
