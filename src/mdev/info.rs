// SPDX-License-Identifier: GPL-2.0

//! What a device says of itself to VFIO's users: regions and interrupts, their number and kind.
//!
//! C header: [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h)
//!
//! Each request starts with `argsz`, the bytes that the user has room for. Less than the answer
//! takes is `EINVAL`, more is fine.

use crate::{
    bindings,
    driver::Driver,
    irq::{
        Interrupts,
        Mode, //
    },
    region::{
        self,
        Region, //
    },
    set_irqs::Index,
    state::State,
    v1, //
};
use kernel::{
    prelude::*,
    uaccess::UserSlice, //
};

/// `VFIO_DEVICE_GET_INFO`: argsz, flags, regions, interrupts.
pub(crate) fn device<T: Driver>(state: &State<T>, user: UserSlice) -> Result {
    let (mut reader, mut writer) = user.reader_writer();
    let argsz = answerable(reader.read::<u32>()?, size_of::<[u32; 4]>())?;
    let flags = bindings::VFIO_DEVICE_FLAGS_PCI | bindings::VFIO_DEVICE_FLAGS_RESET;
    let answer = [
        argsz,
        flags,
        region::count(state),
        bindings::VFIO_PCI_NUM_IRQS,
    ];
    writer.write(&answer)
}

/// `VFIO_DEVICE_GET_IRQ_INFO`: argsz, flags, index, count.
pub(crate) fn interrupt(interrupts: &Interrupts, user: UserSlice) -> Result {
    let (mut reader, mut writer) = user.reader_writer();
    let [argsz, _, index] = reader.read::<[u32; 3]>()?;
    let argsz = answerable(argsz, size_of::<[u32; 4]>())?;
    let which = Index::new(index).ok_or(EINVAL)?;
    let flags = bindings::VFIO_IRQ_INFO_EVENTFD
        | match which {
            Index::Interrupt(Mode::Intx) => {
                bindings::VFIO_IRQ_INFO_MASKABLE | bindings::VFIO_IRQ_INFO_AUTOMASKED
            }
            Index::Interrupt(Mode::Msix) => 0,
            Index::Interrupt(Mode::Msi) | Index::Event(_) => bindings::VFIO_IRQ_INFO_NORESIZE,
        };
    // CAST: at most 2048.
    let count = which.count(interrupts) as u32;
    let flags = if count == 0 { 0 } else { flags };
    writer.write(&[argsz, flags, index, count])
}

/// `VFIO_DEVICE_GET_REGION_INFO`. The core looks after `argsz`, and after room for capabilities.
pub(crate) fn region<T: Driver>(
    state: &State<T>,
    info: &mut bindings::vfio_region_info,
    caps: &mut bindings::vfio_info_cap,
) -> Result {
    let region = Region::new(state, info.index)?;
    info.offset = region::start(info.index);
    info.cap_offset = 0;
    if let Region::Migration = region {
        return v1::describe(info, caps);
    }
    info.size = region.size(state);
    info.flags = if info.size > 0 {
        bindings::VFIO_REGION_INFO_FLAG_READ | bindings::VFIO_REGION_INFO_FLAG_WRITE
    } else {
        0
    };
    Ok(())
}

fn answerable(argsz: u32, answer: usize) -> Result<u32> {
    if (argsz as usize) < answer {
        return Err(EINVAL);
    }
    Ok(argsz)
}
