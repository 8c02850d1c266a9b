// SPDX-License-Identifier: GPL-2.0

//! `VFIO_DEVICE_SET_IRQS`: how the user attaches to interrupts, masks them and tries them.
//!
//! C header: [`include/uapi/linux/vfio.h`](srctree/include/uapi/linux/vfio.h)
//!
//! A request does all that it says, or nothing. One that is not listed here is `EINVAL`:
//!
//! | index | action | data | what |
//! |---|---|---|---|
//! | INTx, MSI, MSI-X | trigger | none, count 0 | ends the use of that kind, if it is in use |
//! | | trigger | eventfd | attaches, or detaches where it is -1; uses that kind from now on |
//! | | trigger | none, bool | signals as the device would |
//! | INTx | mask, unmask | none, bool | |
//! | | unmask | eventfd | lets an eventfd unmask, or no more if it is -1 |
//! | error, request | trigger | none, count 0 | detaches |
//! | | trigger | eventfd | attaches, or detaches if it is -1 |
//! | | trigger | none, bool | signals |

use crate::{
    bindings,
    irq::{
        Event,
        EventFd,
        Interrupts,
        Mode, //
    },
};
use kernel::{
    error::to_result,
    prelude::*,
    transmute::FromBytes,
    uaccess::UserSliceReader, //
};

/// What an index stands for.
#[derive(Clone, Copy)]
pub(crate) enum Index {
    Interrupt(Mode),
    Event(Event),
}

impl Index {
    pub(crate) fn new(index: u32) -> Option<Self> {
        Some(match index {
            bindings::VFIO_PCI_INTX_IRQ_INDEX => Self::Interrupt(Mode::Intx),
            bindings::VFIO_PCI_MSI_IRQ_INDEX => Self::Interrupt(Mode::Msi),
            bindings::VFIO_PCI_MSIX_IRQ_INDEX => Self::Interrupt(Mode::Msix),
            bindings::VFIO_PCI_ERR_IRQ_INDEX => Self::Event(Event::Error),
            bindings::VFIO_PCI_REQ_IRQ_INDEX => Self::Event(Event::Request),
            _ => return None,
        })
    }

    /// How many interrupts it has.
    pub(crate) fn count(self, interrupts: &Interrupts) -> usize {
        match self {
            Self::Interrupt(mode) => interrupts.count(mode),
            Self::Event(_) => 1,
        }
    }
}

/// The data of a request, one for each interrupt.
enum Data {
    None,
    Bool(KVec<u8>),
    EventFd(KVec<u8>),
}

impl Data {
    /// Whether interrupt `at` of the request is meant. Data without flags means all.
    fn chosen(&self, at: usize) -> bool {
        match self {
            Self::Bool(flags) => flags.get(at).is_some_and(|&flag| flag != 0),
            _ => true,
        }
    }

    /// Looks all eventfds up.
    fn eventfds(&self) -> Result<KVec<Option<EventFd>>> {
        let Self::EventFd(bytes) = self else {
            return Err(EINVAL);
        };
        let fds = bytes.chunks_exact(4);
        let mut eventfds = KVec::with_capacity(fds.len(), GFP_KERNEL)?;
        for fd in fds {
            let eventfd = match i32::from_bytes_copy(fd).ok_or(EINVAL)? {
                -1 => None,
                fd if fd < -1 => return Err(EINVAL),
                fd => Some(EventFd::from_fd(fd)?),
            };
            eventfds.push(eventfd, GFP_KERNEL)?;
        }
        Ok(eventfds)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Mask,
    Unmask,
    Trigger,
}

/// Does what the user asks for.
///
/// # Errors
///
/// `EFAULT`, `ENOMEM`; `EINVAL` for requests that make no sense, now or ever; `EBADF` for bad
/// descriptors; `EBUSY` for a second eventfd to unmask INTx.
pub(crate) fn set_irqs(interrupts: &Interrupts, mut user: UserSliceReader) -> Result {
    let [argsz, flags, index, start, count] = user.read::<[u32; 5]>()?;
    let which = Index::new(index).ok_or(EINVAL)?;
    let header = bindings::vfio_irq_set {
        argsz,
        flags,
        index,
        start,
        count,
        data: Default::default(),
    };
    let size = validate(header, which.count(interrupts))?;
    let action = match flags & bindings::VFIO_IRQ_SET_ACTION_TYPE_MASK {
        bindings::VFIO_IRQ_SET_ACTION_MASK => Action::Mask,
        bindings::VFIO_IRQ_SET_ACTION_UNMASK => Action::Unmask,
        bindings::VFIO_IRQ_SET_ACTION_TRIGGER => Action::Trigger,
        _ => return Err(EINVAL),
    };
    let mut bytes = KVec::from_elem(0, size, GFP_KERNEL)?;
    user.read_slice(&mut bytes)?;
    let data = match flags & bindings::VFIO_IRQ_SET_DATA_TYPE_MASK {
        bindings::VFIO_IRQ_SET_DATA_BOOL => Data::Bool(bytes),
        bindings::VFIO_IRQ_SET_DATA_EVENTFD => Data::EventFd(bytes),
        _ => Data::None,
    };
    if count == 0 && !matches!((action, &data), (Action::Trigger, Data::None)) {
        return Err(EINVAL);
    }
    // CAST: less than the number of interrupts.
    let (start, count) = (start as usize, count as usize);
    match which {
        Index::Event(event) if action == Action::Trigger => {
            trigger_event(interrupts, event, &data, count)
        }
        Index::Event(_) => Err(EINVAL),
        Index::Interrupt(mode) if action == Action::Trigger => {
            trigger(interrupts, mode, start, count, &data)
        }
        Index::Interrupt(Mode::Intx) => mask(interrupts, action == Action::Mask, &data),
        Index::Interrupt(_) => Err(EINVAL),
    }
}

/// Checks a request's head, and gives the size of its data.
fn validate(mut header: bindings::vfio_irq_set, interrupts: usize) -> Result<usize> {
    let mut size = 0;
    // SAFETY: Both pointers are to locals. It does not look at the data.
    // CAST: at most 2048 interrupts, five kinds.
    to_result(unsafe {
        bindings::vfio_set_irqs_validate_and_prepare(
            &mut header,
            interrupts as c_int,
            bindings::VFIO_PCI_NUM_IRQS as c_int,
            &mut size,
        )
    })?;
    Ok(size)
}

fn trigger(interrupts: &Interrupts, mode: Mode, start: usize, count: usize, data: &Data) -> Result {
    // Before the lock, so that a bad descriptor changes nothing.
    let eventfds = match data {
        Data::EventFd(_) => Some(data.eventfds()?),
        _ => None,
    };
    let attaching = interrupts.attaching().lock();
    let now = interrupts.mode();
    if let Some(eventfds) = eventfds {
        if now.is_some_and(|now| now != mode) {
            return Err(EINVAL);
        }
        interrupts.attach(&attaching, mode, start, eventfds);
    } else if count == 0 {
        if now == Some(mode) {
            interrupts.disable(&attaching);
        }
    } else if now == Some(mode) {
        for at in (0..count).filter(|&at| data.chosen(at)) {
            interrupts.loop_back(start + at);
        }
    } else {
        return Err(EINVAL);
    }
    Ok(())
}

fn trigger_event(interrupts: &Interrupts, event: Event, data: &Data, count: usize) -> Result {
    if let Data::EventFd(_) = data {
        let mut eventfds = data.eventfds()?;
        interrupts.attach_event(event, eventfds.pop().flatten());
    } else if count == 0 {
        interrupts.attach_event(event, None);
    } else if data.chosen(0) && !interrupts.notify(event) {
        return Err(EINVAL);
    }
    Ok(())
}

/// Masks or unmasks INTx.
fn mask(interrupts: &Interrupts, mask: bool, data: &Data) -> Result {
    let attaching = interrupts.attaching().lock();
    if interrupts.mode() != Some(Mode::Intx) {
        return Err(EINVAL);
    }
    match data {
        Data::EventFd(_) if mask => Err(EINVAL),
        Data::EventFd(bytes) => match i32::from_bytes_copy(bytes).ok_or(EINVAL)? {
            -1 => {
                interrupts.disable_unmask_event();
                Ok(())
            }
            fd if fd < -1 => Err(EINVAL),
            fd => interrupts.enable_unmask_event(&attaching, fd),
        },
        _ => {
            if data.chosen(0) {
                interrupts.mask_line(mask);
            }
            Ok(())
        }
    }
}
