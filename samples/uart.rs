// SPDX-License-Identifier: GPL-2.0

//! One or two 16550 UARTs: registers, FIFOs and causes of interrupts.
//!
//! Two ports are wired to each other, a single one to itself, crosswise: what one sends the other
//! receives, RTS arrives as CTS, DTR as DSR; carrier is always there. A byte takes no time, and a
//! receiver with data below its trigger level has timed out at once. A full receiver that asks for
//! data (RTS) is waited for, any other overruns. There are no breaks and no errors on the wire.

use core::mem::take;
use mdev::{Registers, Type};

// Bits of IER, FCR, LCR and MCR.
const RDI: u8 = 1 << 0;
pub(crate) const THRI: u8 = 1 << 1;
const RLSI: u8 = 1 << 2;
const MSI: u8 = 1 << 3;
pub(crate) const FIFO: u8 = 1 << 0;
const CLEAR_RX: u8 = 1 << 1;
const CLEAR_TX: u8 = 1 << 2;
pub(crate) const TRIGGER: u8 = 0xc0;
const DLAB: u8 = 1 << 7;
const RTS: u8 = 1 << 1;
const OUT2: u8 = 1 << 3;
const LOOP: u8 = 1 << 4;

// Causes of interrupts, as the low bits of IIR.
const MODEM_STATUS: u8 = 0x0;
const NONE: u8 = 0x1;
const EMPTY: u8 = 0x2;
const DATA: u8 = 0x4;
const LINE_STATUS: u8 = 0x6;
const TIMEOUT: u8 = 0xc;

/// What waits on one side of a port, in its order.
#[derive(Clone, Copy, Default)]
pub(crate) struct Fifo {
    pub(crate) bytes: [u8; 16],
    pub(crate) len: usize,
}

impl Fifo {
    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn pop(&mut self) -> Option<u8> {
        self.len = self.len.checked_sub(1)?;
        let [first, ..] = self.bytes;
        self.bytes.copy_within(1.., 0);
        self.bytes[15] = 0;
        Some(first)
    }
}

/// One UART.
#[derive(Clone, Copy, Default)]
pub(crate) struct Port {
    pub(crate) ier: u8,
    pub(crate) fcr: u8,
    pub(crate) lcr: u8,
    pub(crate) mcr: u8,
    pub(crate) scr: u8,
    pub(crate) divisor: [u8; 2],
    pub(crate) receiver: Fifo,
    pub(crate) transmitter: Fifo,
    /// A byte was lost since the line status was read.
    pub(crate) overrun: bool,
    /// The transmitter ran empty, and nobody was told yet.
    pub(crate) emptied: bool,
    /// What changed since the modem status was read, as its low bits.
    pub(crate) changed: u8,
}

impl Port {
    pub(crate) fn room(&self) -> usize {
        [1, 16][usize::from(self.fcr & FIFO)]
    }

    fn trigger(&self) -> usize {
        [1, 4, 8, 14][usize::from(self.fcr >> 6)]
    }

    /// The most urgent cause of an interrupt, as the low bits of IIR.
    fn cause(&self) -> u8 {
        let enabled = |cause| self.ier & cause != 0;
        let waiting = self.receiver.len;
        if enabled(RLSI) && self.overrun {
            LINE_STATUS
        } else if enabled(RDI) && waiting >= self.trigger() {
            DATA
        } else if enabled(RDI) && waiting > 0 {
            TIMEOUT
        } else if enabled(THRI) && self.emptied {
            EMPTY
        } else if enabled(MSI) && self.changed != 0 {
            MODEM_STATUS
        } else {
            NONE
        }
    }

    fn control_fifos(&mut self, value: u8) {
        let toggled = (value ^ self.fcr) & FIFO != 0;
        // Without FIFOs all other bits are without effect.
        let kept = if value & FIFO != 0 { FIFO | TRIGGER } else { 0 };
        self.fcr = value & kept;
        if toggled || value & CLEAR_RX != 0 {
            self.receiver = Fifo::default();
        }
        if toggled || value & CLEAR_TX != 0 {
            self.emptied |= take(&mut self.transmitter).len > 0;
        }
    }
}

/// The ports of a device.
#[derive(Clone, Copy)]
pub(crate) struct Uart {
    ports: [Port; 2],
    two: bool,
}

impl Uart {
    /// The ports that there are.
    pub(crate) fn ports(&self) -> &[Port] {
        &self.ports[..1 + usize::from(self.two)]
    }

    /// The ports that there are.
    pub(crate) fn ports_mut(&mut self) -> &mut [Port] {
        &mut self.ports[..1 + usize::from(self.two)]
    }

    /// Who is at the other end of a port's wire, if anybody listens there.
    fn peer(&self, at: usize) -> Option<usize> {
        let peer = if self.two { 1 - at.min(1) } else { at };
        if self.ports[at].mcr & LOOP != 0 {
            Some(at)
        } else {
            (self.ports[peer].mcr & LOOP == 0).then_some(peer)
        }
    }

    /// The lines that a port sees, as the high bits of MSR.
    fn lines(&self, at: usize) -> u8 {
        let far = self.peer(at).map_or(0, |peer| self.ports[peer].mcr);
        let crossed = (far & RTS) << 3 | (far & 1) << 5;
        match self.ports[at].mcr & LOOP {
            0 => crossed | 0x80,
            _ => crossed | (far & 0xc) << 4,
        }
    }

    /// Lets bytes move as far as they can.
    fn transmit(&mut self) {
        for at in 0..2 {
            let peer = self.peer(at);
            let mut from = take(&mut self.ports[at].transmitter);
            let had = from.len;
            while from.len > 0 {
                if let Some(to) = peer.map(|peer| &mut self.ports[peer]) {
                    if to.receiver.len < to.room() {
                        to.receiver.push(from.bytes[0]);
                    } else if to.mcr & RTS != 0 {
                        break;
                    } else {
                        to.overrun = true;
                    }
                }
                from.pop();
            }
            self.ports[at].emptied |= had > 0 && from.len == 0;
            self.ports[at].transmitter = from;
        }
    }
}

impl Registers for Uart {
    fn new(_kind: &'static Type, values: &[u64]) -> Self {
        let ports = [Port::default(); 2];
        Self {
            ports,
            two: values == [2],
        }
    }

    fn reset(&mut self) {
        self.ports = Default::default();
    }

    fn interrupt(&self) -> bool {
        let wants = |port: &Port| port.mcr & OUT2 != 0 && port.cause() != NONE;
        self.ports.iter().any(wants)
    }

    fn read(&mut self, at: usize, register: u64) -> u8 {
        let lines = self.lines(at);
        let port = &mut self.ports[at];
        match register {
            0 | 1 if port.lcr & DLAB != 0 => port.divisor[(register & 1) as usize],
            0 => {
                let byte = port.receiver.pop();
                self.transmit();
                byte.unwrap_or(0)
            }
            1 => port.ier,
            2 => {
                let cause = port.cause();
                port.emptied &= cause != EMPTY;
                let fifos = if port.fcr & FIFO != 0 { 0xc0 } else { 0 };
                cause | fifos
            }
            3 => port.lcr,
            4 => port.mcr,
            5 => {
                let empty = if port.transmitter.len == 0 { 0x60 } else { 0 };
                let overrun = take(&mut port.overrun);
                u8::from(port.receiver.len > 0) | u8::from(overrun) << 1 | empty
            }
            6 => lines | take(&mut port.changed),
            _ => port.scr,
        }
    }

    fn write(&mut self, at: usize, register: u64, value: u8) {
        let before = [self.lines(0), self.lines(1)];
        let port = &mut self.ports[at];
        match register {
            0 | 1 if port.lcr & DLAB != 0 => port.divisor[(register & 1) as usize] = value,
            0 if port.transmitter.len < port.room() => {
                port.transmitter.push(value);
                port.emptied = false;
            }
            1 => {
                let asked = value & !port.ier & THRI != 0;
                port.emptied |= asked && port.transmitter.len == 0;
                port.ier = value & 0xf;
            }
            2 => port.control_fifos(value),
            3 => port.lcr = value,
            4 => port.mcr = value & 0x1f,
            7 => port.scr = value,
            _ => {}
        }
        for (at, before) in before.into_iter().enumerate() {
            let after = self.lines(at);
            // Of the ring indicator only that it ends is noted.
            let changed = (before ^ after) & 0xb0 | before & !after & 0x40;
            self.ports[at].changed |= changed >> 4;
        }
        self.transmit();
    }
}
