// SPDX-License-Identifier: GPL-2.0

//! What a guest finds where it came to: the optional commands that it had, and no others, until the
//! device is closed.

use crate::{basic, Settings, Task};
use nvme::spec::{
    identify::{self, controller, namespace},
    log::effects,
    opcode::nvm,
    status::Status,
};
use nvme_guest::{
    blocks::Place, command::Completion, content::Random, controller::Guest, during, ensure, equal,
    migration, Result,
};
use std::rc::Rc;

pub(crate) const TASKS: &[Task] = &[Task {
    name: "inherit",
    says: "at --peer a guest finds the commands of its source, also after resets; the next one finds the device's own",
    run: inherit,
}];

/// An optional command.
struct Command {
    name: &'static str,
    /// Its bit of `features` in a version string.
    feature: u64,
    oncs: u128,
    opcode: u8,
    give: fn(&mut Guest, &[u8]) -> Result<Completion>,
}

const COMMANDS: [Command; 3] = [
    Command {
        name: "Compare",
        feature: 1 << 0,
        oncs: controller::ONCS_COMPARE,
        opcode: nvm::COMPARE,
        give: |guest, data| guest.compare(1, 0, data),
    },
    Command {
        name: "Dataset Management",
        feature: 1 << 1,
        oncs: controller::ONCS_DATASET,
        opcode: nvm::DATASET,
        give: |guest, _| guest.try_deallocate(1, &[(8, 8)]),
    },
    Command {
        name: "Write Zeroes",
        feature: 1 << 2,
        oncs: controller::ONCS_WRITE_ZEROES,
        opcode: nvm::WRITE_ZEROES,
        give: |guest, _| guest.command(1, guest.on_blocks(nvm::WRITE_ZEROES, 16, 8)),
    },
];

/// Wrong unless the controller has the commands that the version string states: by Identify, by the
/// log page of commands, and when they are given. `data` is what block 0 holds.
fn has(guest: &mut Guest, stated: &str, data: &[u8]) -> Result {
    let features = basic::value(stated, "features")?;
    let digits = features.strip_prefix("0x").unwrap_or_default();
    let features = u64::from_str_radix(digits, 16).map_err(during(features))?;
    let who = guest.identify(identify::CONTROLLER, 0)?;
    let log = guest.log_page(effects::LID, effects::SIZE)?;
    for command in &COMMANDS {
        let (name, wanted) = (command.name, features & command.feature != 0);
        let oncs = controller::ONCS.get(&who);
        equal(
            format!("{name} in ONCS"),
            u128::from(oncs) & command.oncs != 0,
            wanted,
        )?;
        let at = effects::IO + usize::from(command.opcode) * effects::ENTRY;
        equal(
            format!("{name} in the log page"),
            u32::from(log[at]) & effects::SUPPORTED != 0,
            wanted,
        )?;
        let status = match wanted {
            true => Status::SUCCESS,
            false => Status::INVALID_OPCODE,
        };
        (command.give)(guest, data)?.ended(name, status)?;
    }
    Ok(())
}

/// What a guest knows its disk by.
fn nguid(guest: &mut Guest) -> Result<Vec<u8>> {
    let space = guest.identify(identify::NAMESPACE, 1)?;
    let field = namespace::NGUID;
    Ok(space[field.at..field.at + field.len].to_vec())
}

fn inherit(settings: &Settings) -> Result {
    let peer = settings.peer()?;
    let (source, own) = (basic::line(&settings.target)?, basic::line(peer)?);
    ensure(source != own, || format!("both state {own:?}"))?;
    let mut guest = settings.guest()?;
    let data = Random::new(settings.seed).bytes(guest.namespace.block);
    guest.write_at(1, 0, &data, Place::default())?;
    let who = nguid(&mut guest)?;
    let at = |place: &'static str| move |text| format!("{place}: {text}");
    has(&mut guest, &source, &data).map_err(at("at the source"))?;

    let stream = migration::save(&guest.device, settings.protocol)?;
    let other = Rc::new(peer.open()?);
    guest.memory.map(&other)?;
    drop(guest.adopt(Rc::clone(&other))?);
    migration::load(&other, settings.protocol, &stream)?;
    drop(other);
    for reset in [false, true] {
        let place = if reset { "after a reset" } else { "loaded" };
        if reset {
            guest.device.reset().map_err(during("VFIO_DEVICE_RESET"))?;
            guest.decode(true)?;
            guest.bring_up(settings.kind, 64)?;
        }
        has(&mut guest, &source, &data).map_err(at(place))?;
        equal(place, basic::line(peer)?, source.clone())?;
        equal(place, nguid(&mut guest)?, who.clone())?;
    }

    // Nobody has it open any more: it is itself again, for whoever comes next.
    drop(guest);
    equal("closed", basic::line(peer)?, own.clone())?;
    let mut guest = Guest::up(peer, settings.kind, 64)?;
    has(&mut guest, &own, &data).map_err(at("opened again"))?;
    equal("opened again", basic::line(peer)?, own)?;
    ensure(nguid(&mut guest)? != who, || {
        "opened again: the NGUID is still the source's".to_owned()
    })
}
