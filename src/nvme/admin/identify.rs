// SPDX-License-Identifier: GPL-2.0

//! Identify (5.15).

use super::{cleared, ABORT_LIMIT};
use crate::command::{dword10, Command, Failure, BAD_NAMESPACE};
use crate::controller::Controller;
use crate::errors;
use crate::events;
use crate::health;
use crate::outside::Outside;
use crate::spec::command::identify::CNS;
use crate::spec::command::{self, CDW10};
use crate::spec::identify::{
    controller, descriptor, namespace, ACTIVE, CONTROLLER, DESCRIPTORS, NAMESPACE as OF_NAMESPACE,
    NO_MORE_IDS, SIZE,
};
use crate::spec::registers::VERSION;
use crate::spec::status::Status;
use crate::spec::{completion, NAMESPACE};
use crate::MAX_TRANSFER_SHIFT;

/// Maximum power, in units of 10 mW (PSD0.MP): some must be stated.
const POWER: u128 = 1;

/// Both the highest and the lowest size of an entry (SQES, CQES).
fn only(shift: u64) -> u128 {
    (u128::from(shift) << 4) | u128::from(shift)
}

impl Controller {
    /// Sends one of the structures.
    pub(super) fn identify(
        &mut self,
        out: &mut Outside<'_>,
        command: &Command,
    ) -> Result<(), Failure> {
        let of_ours = command.namespace() == NAMESPACE;
        let page = cleared(out, SIZE);
        match CNS.of(command.get(CDW10)) {
            OF_NAMESPACE if of_ours => self.show_namespace(page),
            CONTROLLER => self.show_controller(page),
            ACTIVE if command.namespace() < NO_MORE_IDS => {
                // The ids that are higher than the one given, in ascending order.
                let ours = NAMESPACE.to_le_bytes();
                if command.namespace() < NAMESPACE {
                    for (place, byte) in page.iter_mut().zip(ours) {
                        *place = byte;
                    }
                }
            }
            DESCRIPTORS if of_ours => {
                let ids = [
                    (descriptor::NGUID, &self.identity.nguid),
                    (descriptor::UUID, &self.identity.uuid),
                ];
                for (place, (kind, id)) in page.chunks_exact_mut(descriptor::SIZE).zip(ids) {
                    descriptor::NIDT.put(place, kind);
                    descriptor::NIDL.put(place, descriptor::NID.len as u128);
                    descriptor::NID.put_bytes(place, id);
                }
            }
            OF_NAMESPACE | ACTIVE | DESCRIPTORS => return Err(BAD_NAMESPACE),
            _ => return Err(dword10(Status::INVALID_FIELD, CNS)),
        }
        self.send(out, command, SIZE, (0, SIZE))
    }

    fn show_namespace(&self, page: &mut [u8]) {
        let config = &self.config;
        let blocks = u128::from(config.blocks);
        namespace::NSZE.put(page, blocks);
        namespace::NCAP.put(page, blocks);
        namespace::NUSE.put(page, blocks);
        namespace::DLFEAT.put(page, namespace::DLFEAT_ZEROES);
        namespace::NVMCAP.put(page, config.bytes(config.blocks).into());
        namespace::NGUID.put_bytes(page, &self.identity.nguid);
        namespace::LBADS0.put(page, config.block_size.shift().into());
    }

    fn show_controller(&self, page: &mut [u8]) {
        let config = &self.config;
        controller::VID.put(page, config.vendor.into());
        controller::SSVID.put(page, config.subsystem_vendor.into());
        controller::SN.put_text(page, &self.identity.serial);
        controller::MN.put_text(page, config.model.as_bytes());
        controller::FR.put_text(page, config.firmware.as_bytes());
        controller::MDTS.put(page, MAX_TRANSFER_SHIFT.into());
        controller::VER.put(page, VERSION.into());
        controller::CNTRLTYPE.put(page, controller::IO_CONTROLLER);
        controller::OACS.put(page, controller::OACS_DOORBELL_BUFFER);
        controller::ACL.put(page, ABORT_LIMIT.into());
        controller::AERL.put(page, events::MAX_REQUESTS.saturating_sub(1) as u128);
        controller::FRMW.put(page, controller::FRMW_FIXED);
        controller::LPA.put(page, controller::LPA_EFFECTS_OFFSET);
        controller::ELPE.put(page, errors::ENTRIES.saturating_sub(1) as u128);
        controller::WCTEMP.put(page, health::WARM.into());
        controller::CCTEMP.put(page, health::HOT.into());
        controller::SQES.put(page, only(command::SIZE_SHIFT));
        controller::CQES.put(page, only(completion::SIZE_SHIFT));
        controller::NN.put(page, NAMESPACE.into());
        controller::ONCS.put(page, self.optional());
        controller::VWC.put(page, controller::VWC_PRESENT_ALL);
        controller::SUBNQN.put_bytes(page, &self.identity.name());
        controller::PSD0_MP.put(page, POWER);
    }

    /// What there is of what is optional (ONCS).
    fn optional(&self) -> u128 {
        let has = &self.config.optional;
        [
            (has.compare, controller::ONCS_COMPARE),
            (has.deallocate, controller::ONCS_DATASET),
            (has.write_zeroes, controller::ONCS_WRITE_ZEROES),
            (true, controller::ONCS_SELECT),
        ]
        .into_iter()
        .filter(|(has, _)| *has)
        .fold(0, |all, (_, bit)| all | bit)
    }
}
