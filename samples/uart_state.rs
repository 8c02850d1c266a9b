// SPDX-License-Identifier: GPL-2.0

//! What UARTs hold, as bytes: the ports of a device one after the other.
//!
//! | bytes of a port | field |
//! |---|---|
//! | 0 to 4 | IER, FCR (only whether the FIFOs are on), LCR, MCR, SCR |
//! | 5, 6 | the divisor |
//! | 7 | bit 0: a byte was lost, bit 1: the transmitter ran empty unnoticed |
//! | 8 | what changed of the modem status, as its low bits |
//! | 9, 10 | bytes in the receiver, in the transmitter |
//! | 11 to 26, 27 to 42 | these bytes in their order, then zeroes |
//! | 43, from state version 2 on | the trigger level of the receiver, 0 to 3 as in FCR |
//!
//! State version 1 implies the trigger level 0, a single byte.

use crate::uart::{Fifo, Port, Uart, FIFO, THRI, TRIGGER};
use mdev::Stored;

/// Bytes of a port in a state version.
const fn port_len(version: u64) -> usize {
    43 + (version >= 2) as usize
}

impl Fifo {
    fn load(&mut self, len: u8, bytes: &[u8], room: usize) -> Result<(), &'static str> {
        self.len = len.into();
        if self.len > room || bytes[self.len..].iter().any(|&byte| byte != 0) {
            return Err("more in a FIFO than it has room for, or rests behind it");
        }
        self.bytes.copy_from_slice(bytes);
        Ok(())
    }
}

impl Port {
    fn save(&self, out: &mut [u8]) {
        let flags = u8::from(self.overrun) | u8::from(self.emptied) << 1;
        let fifos = self.fcr & FIFO;
        out[..5].copy_from_slice(&[self.ier, fifos, self.lcr, self.mcr, self.scr]);
        out[5..7].copy_from_slice(&self.divisor);
        // CAST: at most 16.
        let lens = [self.receiver.len as u8, self.transmitter.len as u8];
        out[7..9].copy_from_slice(&[flags, self.changed]);
        out[9..11].copy_from_slice(&lens);
        out[11..27].copy_from_slice(&self.receiver.bytes);
        out[27..43].copy_from_slice(&self.transmitter.bytes);
        if let Some(trigger) = out.get_mut(43) {
            *trigger = (self.fcr & TRIGGER) >> 6;
        }
    }

    fn load(bytes: &[u8]) -> Result<Self, &'static str> {
        let trigger = bytes.get(43).copied().unwrap_or(0);
        let [ier, fifos, lcr, mcr, scr, low, high, flags, changed, ..] = *bytes else {
            return Err("a port is cut short");
        };
        let odd = (ier | changed) & !0xf | fifos & !FIFO | mcr & !0x1f | (flags | trigger) & !3;
        if odd != 0 || (fifos == 0 && trigger != 0) {
            return Err("a register has a value that it cannot have");
        }
        let mut port = Self {
            ier,
            fcr: fifos | trigger << 6,
            lcr,
            mcr,
            scr,
            divisor: [low, high],
            overrun: flags & 1 != 0,
            emptied: flags & 2 != 0,
            changed,
            ..Self::default()
        };
        let room = port.room();
        port.receiver.load(bytes[9], &bytes[11..27], room)?;
        port.transmitter.load(bytes[10], &bytes[27..43], room)?;
        Ok(port)
    }
}

impl Stored for Uart {
    fn check_version(&self, version: u64) -> Result<(), &'static str> {
        let default = |port: &Port| port.fcr & TRIGGER == 0;
        if version < 2 && !self.ports().iter().all(default) {
            return Err("the FIFO trigger level");
        }
        Ok(())
    }

    fn len(&self, version: u64) -> usize {
        port_len(version) * self.ports().len()
    }

    fn save(&self, version: u64, out: &mut [u8]) {
        let places = out.chunks_exact_mut(port_len(version));
        for (port, place) in self.ports().iter().zip(places) {
            port.save(place);
        }
    }

    fn load(&self, version: u64, bytes: &[u8]) -> Result<Self, &'static str> {
        let mut loaded = *self;
        if bytes.len() != self.len(version) {
            return Err("not the length of so many ports");
        }
        let saved = bytes.chunks_exact(port_len(version));
        for (port, bytes) in loaded.ports_mut().iter_mut().zip(saved) {
            *port = Port::load(bytes)?;
            // That a transmitter is empty is a cause only until somebody looked, and the source's
            // client may not have passed it on: it is said again. A driver takes it for a late one.
            port.emptied |= port.ier & THRI != 0 && port.transmitter.len == 0;
        }
        Ok(loaded)
    }
}
