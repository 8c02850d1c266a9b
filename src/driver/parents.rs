// SPDX-License-Identifier: GPL-2.0

//! What devices are made on: PCI functions given to the driver, and parents without hardware.

#![forbid(unsafe_code)]

use crate::{
    store::{
        BarMedia,
        Media, //
    },
    types::{
        Nvme,
        SMALLEST, //
    },
};
use kernel::{
    device::Core,
    driver,
    pci,
    prelude::*,
    str::CString, //
};
use mdev::{
    pci::BarMemory,
    Parent,
    Registration,
    Total,
    VirtualParents, //
};

/// The capacity of a parent whose media is RAM, in bytes, unless it is told another.
const RAM: u64 = 1 << 30;

/// The most parents without hardware: each has a directory a type.
const MAX_VIRTUAL: u32 = 256;

kernel::pci_device_table!(
    // No function is ours by its ids: any can be given to the driver by `driver_override`.
    NO_IDS,
    (),
    []
);

/// A PCI function as a parent. Has nothing of its own: the parent goes with the function.
pub(crate) struct PciParent;

impl pci::Driver for PciParent {
    type IdInfo = ();
    type Data<'bound> = Self;
    const ID_TABLE: pci::IdTable<Self::IdInfo> = &NO_IDS;

    fn probe<'bound>(
        pdev: &'bound pci::Device<Core<'_>>,
        _info: Option<&'bound Self::IdInfo>,
    ) -> impl PinInit<Self, Error> + 'bound {
        register(pdev).map(|()| Self)
    }
}

/// Registers a function as a parent, with its memory as media if it has some.
fn register(pdev: &pci::Device<Core<'_>>) -> Result {
    let (total, media) = match mdev::pci::largest_memory_bar(pdev) {
        Some((bar, size)) if size >= SMALLEST => {
            dev_info!(pdev, "media: BAR {bar}, {size} bytes\n");
            let media = BarMedia::new(BarMemory::new(pdev, bar)?)?;
            (Total::Fixed(size), Media::Bar(media))
        }
        _ => {
            dev_info!(pdev, "media: RAM, {RAM} bytes\n");
            (Total::Settable(RAM), Media::Ram)
        }
    };
    Parent::<Nvme>::register(pdev.as_ref(), total, media)
}

/// All that the module registers.
#[pin_data]
pub(crate) struct NvmeModule {
    // Dropped top down: first all parents, with their devices, then the devices' driver.
    #[pin]
    _pci: driver::Registration<pci::Adapter<PciParent>>,
    _virtual: VirtualParents<Nvme>,
    _devices: Registration<Nvme>,
}

impl kernel::InPlaceModule for NvmeModule {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            _devices: Registration::new()?,
            _virtual: virtual_parents(crate::module_parameters::virtual_parents.value())?,
            _pci <- driver::Registration::new(c"mdev_nvme", module),
        })
    }
}

fn virtual_parents(count: u32) -> Result<VirtualParents<Nvme>> {
    let name = |n| CString::try_from_fmt(fmt!("mdev_nvme{n}"));
    VirtualParents::new(
        c"mdev_nvme",
        count,
        0..=MAX_VIRTUAL,
        name,
        Total::Settable(RAM),
        || Media::Ram,
    )
}
