// SPDX-License-Identifier: GPL-2.0

//! Get Log Page (5.14).

use super::cleared;
use crate::command::{dword10, offset, Command, Failure};
use crate::controller::Controller;
use crate::errors::ENTRIES;
use crate::outside::Outside;
use crate::spec::command::log::{LID, NUMDL, NUMDU, RAE};
use crate::spec::command::{CDW10, CDW11, CDW12, CDW13, NSID};
use crate::spec::log::{effects, error, firmware, health};
use crate::spec::opcode::admin;
use crate::spec::status::Status;
use crate::spec::ALL_NAMESPACES;
use crate::MAX_TRANSFER;

const DWORD: u64 = 4;

impl Controller {
    /// Sends a part of a log page: all of them are the controller's, none the namespace's.
    pub(super) fn get_log(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
    ) -> Result<(), Failure> {
        let (first, second) = (command.get(CDW10), command.get(CDW11));
        // CAST: 8 bits.
        let lid = LID.of(first) as u8;
        let size = match lid {
            error::LID => error::SIZE.saturating_mul(ENTRIES),
            health::LID => health::SIZE,
            firmware::LID => firmware::SIZE,
            effects::LID => effects::SIZE,
            _ => return Err(dword10(Status::LOG_PAGE, LID)),
        };
        if ![0, ALL_NAMESPACES].contains(&command.namespace()) {
            return Err(Failure::field(Status::INVALID_FIELD, NSID));
        }
        let dwords = (NUMDU.of(second) << 16) | NUMDL.of(first);
        let asked = dwords.saturating_add(1).saturating_mul(DWORD);
        let asked = usize::try_from(asked).unwrap_or(usize::MAX);
        if asked > MAX_TRANSFER {
            return Err(dword10(Status::INVALID_FIELD, NUMDL));
        }
        let from = (command.get(CDW13) << u32::BITS) | command.get(CDW12);
        if from % DWORD != 0 || from > size as u64 {
            return Err(offset(Status::INVALID_FIELD));
        }
        // CAST: not beyond the page.
        let from = from as usize;
        let page = cleared(out, size);
        match lid {
            error::LID => self.errors.show(page),
            health::LID => {
                let warning = self.features.warning();
                self.health.show(warning, self.errors.count, page);
            }
            firmware::LID => {
                firmware::AFI.put(page, firmware::SLOT1);
                firmware::REVISION1.put_text(page, self.config.firmware.as_bytes());
            }
            _ => self.show_effects(page),
        }
        let len = size.saturating_sub(from).min(asked);
        self.send(out, command, asked, (from, len))?;
        if !RAE.any(first) {
            self.events.unmask(lid);
        }
        Ok(())
    }

    fn show_effects(&self, page: &mut [u8]) {
        let mut put = |base: usize, opcode: u8, effects: u32| {
            let at = base.saturating_add(usize::from(opcode).saturating_mul(effects::ENTRY));
            let places = page.iter_mut().skip(at).take(effects::ENTRY);
            for (place, byte) in places.zip(effects.to_le_bytes()) {
                *place = byte;
            }
        };
        for opcode in admin::ALL {
            put(effects::ADMIN, opcode, effects::SUPPORTED);
        }
        for opcode in 0..=u8::MAX {
            if let Some(changes) = self.changes_contents(opcode) {
                let contents = if changes { effects::CONTENTS } else { 0 };
                put(effects::IO, opcode, effects::SUPPORTED | contents);
            }
        }
    }
}
