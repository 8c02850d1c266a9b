// SPDX-License-Identifier: GPL-2.0

//! The registers as values (3.1). What writing them does is the controller's.

use crate::queue::{MAX_ENTRIES, MAX_IO_QUEUES, MIN_ENTRIES};
use crate::spec::registers::{
    aqa, cap, cc, csts, ACQ, AQA, ASQ, CAP, CC, CSTS, DOORBELL, DOORBELLS, END, INTMC, INTMS,
    VERSION, VS,
};
use crate::spec::PAGE;

/// The bytes that the registers take, doorbells included: whole pages.
pub const REGISTERS: u64 = DOORBELLS + PAGE as u64;

// A doorbell for each end of each queue fits into one page, which shadow doorbells rely on too.
const _: () = assert!((MAX_IO_QUEUES as u64 + 1) * 2 * DOORBELL <= PAGE as u64);

/// The longest time to get ready, in units of 500 ms: a host that is busy must not look broken.
const TIMEOUT: u64 = 20;

/// What of the base addresses of the admin queues can be written (3.1.9).
const QUEUE_BASE: u64 = !(PAGE as u64 - 1);

/// The registers that hold something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Registers {
    pub(crate) cc: u32,
    pub(crate) csts: u32,
    pub(crate) aqa: u32,
    pub(crate) asq: u64,
    pub(crate) acq: u64,
    /// What INTMS and INTMC show.
    pub(crate) masked: u32,
}

/// A write that is more than a value kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Nothing,
    Config { old: u32, new: u32 },
    Masks { old: u32 },
}

impl Registers {
    /// Controller capabilities.
    pub(crate) fn cap() -> u64 {
        cap::MQES.with(u64::from(MAX_ENTRIES.wrapping_sub(1)))
            | cap::CQR.mask()
            | cap::TO.with(TIMEOUT)
            | cap::CSS_NVM.mask()
    }

    /// Reads any bytes; zeroes where nothing is.
    pub(crate) fn read(&self, offset: u64, data: &mut [u8]) {
        let mut all = [0; END];
        CAP.put(&mut all, Self::cap().into());
        VS.put(&mut all, VERSION.into());
        INTMS.put(&mut all, self.masked.into());
        INTMC.put(&mut all, self.masked.into());
        CC.put(&mut all, self.cc.into());
        CSTS.put(&mut all, self.csts.into());
        AQA.put(&mut all, self.aqa.into());
        ASQ.put(&mut all, self.asq.into());
        ACQ.put(&mut all, self.acq.into());
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let found = all.iter().copied().skip(at);
        for (place, byte) in data.iter_mut().zip(found.chain(core::iter::repeat(0))) {
            *place = byte;
        }
    }

    /// Writes an aligned dword.
    pub(crate) fn write(&mut self, offset: u64, value: u32) -> Written {
        let at = usize::try_from(offset).unwrap_or(usize::MAX);
        let old = self.masked;
        // CAST: the fields of CC and AQA are in 32 bits.
        if at == INTMS.at {
            self.masked |= value;
            return Written::Masks { old };
        } else if at == INTMC.at {
            self.masked &= !value;
            return Written::Masks { old };
        } else if at == CC.at {
            let old = self.cc;
            self.cc = value & cc::ALL as u32;
            return Written::Config { old, new: self.cc };
        } else if at == AQA.at {
            self.aqa = value & (aqa::ASQS.mask() | aqa::ACQS.mask()) as u32;
        } else if at == ASQ.at {
            self.asq = low(self.asq, value) & QUEUE_BASE;
        } else if at == ASQ.at.wrapping_add(4) {
            self.asq = high(self.asq, value);
        } else if at == ACQ.at {
            self.acq = low(self.acq, value) & QUEUE_BASE;
        } else if at == ACQ.at.wrapping_add(4) {
            self.acq = high(self.acq, value);
        }
        Written::Nothing
    }

    /// Whether bits of CSTS are 1.
    pub(crate) fn is(&self, bits: crate::spec::Bits) -> bool {
        bits.any(self.csts.into())
    }

    /// Sets bits of CSTS.
    pub(crate) fn set(&mut self, bits: crate::spec::Bits, value: u64) {
        let others = u64::from(self.csts) & !bits.mask();
        // CAST: the fields of CSTS are in 32 bits.
        self.csts = (others | bits.with(value)) as u32;
    }

    /// The entries of the admin queues: submission, completion.
    pub(crate) fn admin_entries(&self) -> (u16, u16) {
        let entries = |bits: crate::spec::Bits| {
            // CAST: 12 bits.
            (bits.of(self.aqa.into()) as u16).wrapping_add(1)
        };
        (entries(aqa::ASQS), entries(aqa::ACQS))
    }

    /// Whether the controller can work as it was told to (3.1.5, 3.1.8).
    pub(crate) fn are_sound(&self) -> bool {
        let cc = u64::from(self.cc);
        let (submission, completion) = self.admin_entries();
        let enough = |entries| u32::from(entries) >= MIN_ENTRIES;
        !cc::CSS.any(cc)
            && !cc::MPS.any(cc)
            && !cc::AMS.any(cc)
            && enough(submission)
            && enough(completion)
    }

    /// Whether CSTS is something that CC can have led to.
    pub(crate) fn fit_together(&self) -> bool {
        let (cc_all, aqa_all) = (cc::ALL as u32, (aqa::ASQS.mask() | aqa::ACQS.mask()) as u32);
        let cc = u64::from(self.cc);
        let (ready, fatal) = (self.is(csts::RDY), self.is(csts::CFS));
        let known = csts::RDY.mask() | csts::CFS.mask() | csts::SHST.mask();
        let shutdown = csts::SHST.of(self.csts.into());
        self.cc & !cc_all == 0
            && self.aqa & !aqa_all == 0
            && (self.asq | self.acq) & !QUEUE_BASE == 0
            && u64::from(self.csts) & !known == 0
            && shutdown <= csts::COMPLETE
            && (cc::EN.any(cc) || !(ready || fatal))
            && (!cc::EN.any(cc) || ready || fatal)
    }
}

fn low(all: u64, value: u32) -> u64 {
    all & !u64::from(u32::MAX) | u64::from(value)
}

fn high(all: u64, value: u32) -> u64 {
    all & u64::from(u32::MAX) | (u64::from(value) << u32::BITS)
}
