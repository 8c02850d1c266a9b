// SPDX-License-Identifier: GPL-2.0

//! The controller as its guest sees it: registers, bringing up, commands of administration.

use crate::{
    command::{Command, Completion},
    during, equal,
    interrupts::{Interrupts, Kind},
    memory::{self, Memory},
    queue::Pair,
    Result,
};
use nvme::spec::{
    command as field, feature, identify, log,
    opcode::admin,
    registers::{
        aqa, cap, cc, csts, ACQ, AQA, ASQ, CAP, CC, CSTS, DOORBELL, DOORBELLS, INTMC, INTMS, VS,
    },
    Field, ADMIN_QUEUE,
};
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use vfio_bindings::bindings::vfio as uapi;
use vfio_client::{
    device::{Device, Region},
    target::Target,
};

/// How long a register or an interrupt is waited for: an emulated machine on a busy host is slow.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Entries of the admin queues.
const ADMIN_ENTRIES: u16 = 32;

/// The namespace as Identify tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// In blocks.
    pub blocks: u64,
    /// Bytes of a block.
    pub block: usize,
}

impl Namespace {
    /// In bytes.
    pub fn bytes(&self) -> u64 {
        self.blocks * self.block as u64
    }
}

/// A controller that this program drives.
#[derive(Debug)]
pub struct Guest {
    /// The open device, which whoever migrates it has too.
    pub device: Rc<Device>,
    /// Region 0.
    pub bar: Region,
    /// The guest's memory.
    pub memory: Memory,
    /// The interrupts that are on.
    pub interrupts: Option<Interrupts>,
    /// The admin queues, then the I/O queues that were made, by their numbers.
    pub queues: Vec<Pair>,
    /// The namespace, once it was asked for.
    pub namespace: Namespace,
    /// Whether doorbells have shadows in memory.
    shadowed: bool,
}

impl Guest {
    /// Opens a device, and does nothing with its controller.
    ///
    /// # Errors
    ///
    /// It cannot be opened, or lacks what a PCI device has.
    pub fn open(target: &Target) -> Result<Self> {
        let device = Rc::new(target.open()?);
        let bar = device.region(0).map_err(during("BAR 0"))?;
        let memory = Memory::new(&device)?;
        let guest = Self {
            device,
            bar,
            memory,
            interrupts: None,
            queues: Vec::new(),
            namespace: Namespace {
                blocks: 0,
                block: 0,
            },
            shadowed: false,
        };
        guest.decode(true)?;
        Ok(guest)
    }

    /// Does what a bus driver does: memory is on, and bus mastering, which is needed for all but
    /// registers, on or off.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn decode(&self, master: bool) -> Result {
        let config = self.device.region(uapi::VFIO_PCI_CONFIG_REGION_INDEX);
        let config = config.map_err(during("configuration space"))?;
        let command = if master { [6, 0] } else { [2, 0] };
        let answer = self.device.write(&config, 4, &command);
        answer.map_err(during("command register")).map(drop)
    }

    /// Opens a device and brings its controller up, with as many I/O queues as it has, of so many
    /// entries, and interrupts of that kind.
    ///
    /// # Errors
    ///
    /// Whatever is not as it must be.
    pub fn up(target: &Target, kind: Kind, entries: u16) -> Result<Self> {
        let mut guest = Self::open(target)?;
        guest.bring_up(kind, entries)?;
        Ok(guest)
    }

    /// Brings the controller up, whatever it was doing.
    ///
    /// # Errors
    ///
    /// Whatever is not as it must be.
    pub fn bring_up(&mut self, kind: Kind, entries: u16) -> Result {
        self.enable(kind)?;
        self.namespace = self.identify_namespace()?;
        let count = self.ask_for_queues(u16::MAX - 1)?;
        for id in 1..=count {
            self.make_queue(id, entries)?;
        }
        Ok(())
    }

    /// Goes on with another device, which was loaded with what the old one saved and does not run yet;
    /// gives the old one back. The guest's memory must be mapped for it already.
    ///
    /// # Errors
    ///
    /// The device lacks what the old one had.
    pub fn adopt(&mut self, device: Rc<Device>) -> Result<Rc<Device>> {
        self.bar = device.region(0).map_err(during("BAR 0"))?;
        if let Some(interrupts) = &self.interrupts {
            interrupts.attach(&device)?;
        }
        Ok(std::mem::replace(&mut self.device, device))
    }

    // --- registers ---

    /// Reads a register.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn read(&self, register: Field) -> Result<u64> {
        let mut bytes = vec![0; register.len];
        let answer = self.device.read(&self.bar, register.at as u64, &mut bytes);
        let count = answer.map_err(during(format!("reading register {:#x}", register.at)))?;
        equal("bytes of a register", count, register.len)?;
        Ok(Field::new(0, register.len).get(&bytes))
    }

    /// Writes a register.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn write(&self, register: Field, value: u64) -> Result {
        let bytes = &value.to_le_bytes()[..register.len];
        let answer = self.device.write(&self.bar, register.at as u64, bytes);
        let count = answer.map_err(during(format!("writing register {:#x}", register.at)))?;
        equal("bytes of a register", count, register.len)
    }

    /// Waits until a field of CSTS has a value.
    ///
    /// # Errors
    ///
    /// It does not get it, or the controller says that it failed fatally.
    pub fn wait_status(&self, bits: nvme::spec::Bits, wanted: u64) -> Result {
        let end = Instant::now() + LIMIT;
        loop {
            let status = self.read(CSTS)?;
            if bits.of(status) == wanted {
                return Ok(());
            }
            if Instant::now() > end {
                return Err(format!("CSTS is {status:#x} after {LIMIT:?}"));
            }
            std::thread::yield_now();
        }
    }

    /// Disables the controller.
    ///
    /// # Errors
    ///
    /// It stays ready.
    pub fn disable(&mut self) -> Result {
        self.queues.clear();
        self.shadowed = false;
        self.write(CC, 0)?;
        self.wait_status(csts::RDY, 0)
    }

    /// Disables the controller, turns interrupts of that kind on, and enables it with admin queues.
    ///
    /// # Errors
    ///
    /// It does not get ready.
    pub fn enable(&mut self, kind: Kind) -> Result {
        self.disable()?;
        if self.interrupts.as_ref().map(Interrupts::kind) != Some(kind) {
            if let Some(interrupts) = self.interrupts.take() {
                interrupts.off(&self.device)?;
            }
            self.interrupts = Some(Interrupts::on(&self.device, kind)?);
        }
        let places = (memory::ADMIN_SQ, memory::ADMIN_CQ);
        let pair = Pair::new(&self.memory, ADMIN_QUEUE, places, ADMIN_ENTRIES, 0);
        let last = u64::from(ADMIN_ENTRIES - 1);
        self.write(AQA, aqa::ASQS.with(last) | aqa::ACQS.with(last))?;
        self.write(ASQ, Memory::address(pair.sq))?;
        self.write(ACQ, Memory::address(pair.cq))?;
        self.write(INTMC, u32::MAX.into())?;
        self.queues.push(pair);
        let sizes = cc::IOSQES.with(field::SIZE_SHIFT)
            | cc::IOCQES.with(nvme::spec::completion::SIZE_SHIFT);
        self.write(CC, cc::EN.with(1) | sizes)?;
        self.wait_status(csts::RDY, 1)?;
        equal("CSTS.CFS", csts::CFS.of(self.read(CSTS)?), 0)
    }

    /// What the registers that never change say: CAP and VS.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn capabilities(&self) -> Result<(u64, u64)> {
        Ok((self.read(CAP)?, self.read(VS)?))
    }

    /// Entries that an I/O queue may have.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn most_entries(&self) -> Result<u64> {
        Ok(cap::MQES.of(self.read(CAP)?) + 1)
    }

    /// Masks or unmasks vectors by INTMS and INTMC, which hold for INTx and MSI.
    ///
    /// # Errors
    ///
    /// The kernel's.
    pub fn mask(&self, masked: bool) -> Result {
        self.write(if masked { INTMS } else { INTMC }, u32::MAX.into())
    }

    // --- queues ---

    fn pair(&mut self, queue: u16) -> Result<(&mut Pair, &Memory)> {
        let pair = self.queues.get_mut(usize::from(queue));
        let pair = pair.ok_or_else(|| format!("there is no queue {queue}"))?;
        Ok((pair, &self.memory))
    }

    /// How many I/O queues were made.
    pub fn io_queues(&self) -> u16 {
        // CAST: a few.
        self.queues.len().saturating_sub(1) as u16
    }

    fn ring(&self, queue: u16, completion: bool, value: u16) -> Result {
        let index = u64::from(queue) * 2 + u64::from(completion);
        if self.shadowed && queue != ADMIN_QUEUE {
            let at = (index * DOORBELL) as usize;
            let old = self.memory.bytes().load(memory::SHADOW + at);
            self.memory.bytes().store(memory::SHADOW + at, value.into());
            let event = self.memory.bytes().load(memory::EVENTS + at);
            // The doorbell itself only if the value passes the event index (7.13).
            // CAST: both wrap at 16 bits.
            let (event, old) = (event as u16, old as u16);
            if value.wrapping_sub(event).wrapping_sub(1) >= value.wrapping_sub(old) {
                return Ok(());
            }
        }
        // CAST: a few doorbells.
        let register = Field::new((DOORBELLS + index * DOORBELL) as usize, DOORBELL as usize);
        self.write(register, value.into())
    }

    /// Puts a command into a queue and rings; its id.
    ///
    /// # Errors
    ///
    /// There is no room or no such queue.
    pub fn submit(&mut self, queue: u16, command: Command) -> Result<u16> {
        let (pair, memory) = self.pair(queue)?;
        let id = pair.push(memory, command)?;
        let tail = pair.tail();
        self.ring(queue, false, tail)?;
        Ok(id)
    }

    /// Puts commands into a queue and rings once; the id of the first.
    ///
    /// # Errors
    ///
    /// There is no room or no such queue.
    pub fn submit_all(&mut self, queue: u16, commands: &[Command]) -> Result<u16> {
        let (pair, memory) = self.pair(queue)?;
        let mut first = None;
        for &command in commands {
            let id = pair.push(memory, command)?;
            first.get_or_insert(id);
        }
        let tail = pair.tail();
        self.ring(queue, false, tail)?;
        first.ok_or_else(|| "no command".to_owned())
    }

    /// Takes a completion that is there, and says so by the doorbell.
    ///
    /// # Errors
    ///
    /// The completion makes no sense.
    pub fn poll(&mut self, queue: u16) -> Result<Option<Completion>> {
        let (pair, memory) = self.pair(queue)?;
        let Some(completion) = pair.pop(memory)? else {
            return Ok(None);
        };
        let head = pair.head();
        self.ring(queue, true, head)?;
        Ok(Some(completion))
    }

    /// Waits for the next completion of a queue by its interrupt, and by nothing else.
    ///
    /// # Errors
    ///
    /// It does not come in time; whether the completion is there nevertheless is told.
    pub fn wait(&mut self, queue: u16) -> Result<Completion> {
        let end = Instant::now() + LIMIT;
        loop {
            if let Some(completion) = self.poll(queue)? {
                return Ok(completion);
            }
            let vector = self.pair(queue)?.0.vector;
            let interrupts = self.interrupts.as_ref().ok_or("no interrupts")?;
            if interrupts.wait(vector, LIMIT)? {
                interrupts.served(&self.device)?;
            }
            if Instant::now() > end {
                return Err(self.stuck(queue)?);
            }
        }
    }

    fn stuck(&mut self, queue: u16) -> Result<String> {
        let status = self.read(CSTS)?;
        let (pair, memory) = self.pair(queue)?;
        let flight = pair.in_flight();
        Ok(match pair.pop(memory)? {
            Some(found) => format!("queue {queue}: no interrupt came for {found:?}"),
            None => format!(
                "queue {queue}: none of {flight} commands completed in {LIMIT:?}, CSTS is {status:#x}"
            ),
        })
    }

    /// Gives a command and waits for it.
    ///
    /// # Errors
    ///
    /// It is not completed, or another one is.
    pub fn command(&mut self, queue: u16, command: Command) -> Result<Completion> {
        let id = self.submit(queue, command)?;
        let completion = self.wait(queue)?;
        equal("the command that was completed", completion.id, id)?;
        Ok(completion)
    }

    /// Gives a command of administration and waits for it.
    ///
    /// # Errors
    ///
    /// As [`Self::command`].
    pub fn admin(&mut self, command: Command) -> Result<Completion> {
        self.command(ADMIN_QUEUE, command)
    }

    // --- commands of administration ---

    /// Asks for so many I/O queues more than one; how many there are.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn ask_for_queues(&mut self, more: u16) -> Result<u16> {
        let wanted = feature::SUBMISSION.with(more.into()) | feature::COMPLETION.with(more.into());
        let answer = self.set_feature(feature::QUEUES, wanted)?;
        // CAST: fields of 16 bits.
        Ok(feature::SUBMISSION
            .of(answer.into())
            .min(feature::COMPLETION.of(answer.into())) as u16
            + 1)
    }

    /// The vector that a queue's interrupts come by.
    pub fn vector_of(&self, queue: u16) -> u16 {
        let vectors = self.interrupts.as_ref().map_or(1, Interrupts::vectors);
        queue % vectors.max(1)
    }

    /// Makes an I/O queue pair.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn make_queue(&mut self, id: u16, entries: u16) -> Result {
        let (sq, cq) = (memory::sq(id), memory::cq(id));
        let vector = self.vector_of(id);
        equal(
            "the number of the next queue",
            usize::from(id),
            self.queues.len(),
        )?;
        let pair = Pair::new(&self.memory, id, (sq, cq), entries, vector);
        let dw10 =
            field::queue::QID.with(id.into()) | field::queue::QSIZE.with(u64::from(entries - 1));
        let dw11 = field::queue::PC.with(1)
            | field::queue::IEN.with(1)
            | field::queue::IV.with(vector.into());
        let command = Command::new(admin::CREATE_CQ)
            .data((Memory::address(cq), 0))
            .with(field::CDW10, dw10)
            .with(field::CDW11, dw11);
        self.admin(command)?
            .good(format!("making completion queue {id}"))?;
        let dw11 = field::queue::PC.with(1) | field::queue::CQID.with(id.into());
        let command = Command::new(admin::CREATE_SQ)
            .data((Memory::address(sq), 0))
            .with(field::CDW10, dw10)
            .with(field::CDW11, dw11);
        self.admin(command)?
            .good(format!("making submission queue {id}"))?;
        self.queues.push(pair);
        Ok(())
    }

    /// Deletes the I/O queue pair that was made last.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn delete_queue(&mut self) -> Result {
        let id = self.io_queues();
        for opcode in [admin::DELETE_SQ, admin::DELETE_CQ] {
            let command = Command::new(opcode).with(field::CDW10, id);
            self.admin(command)?.good(format!("deleting queue {id}"))?;
        }
        self.queues.pop();
        Ok(())
    }

    /// Identify: a structure.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn identify(&mut self, which: u64, namespace: u32) -> Result<Vec<u8>> {
        self.memory.clear(memory::ADMIN_DATA, identify::SIZE);
        let command = Command::new(admin::IDENTIFY)
            .with(field::NSID, namespace)
            .data((Memory::address(memory::ADMIN_DATA), 0))
            .with(field::CDW10, field::identify::CNS.with(which));
        self.admin(command)?.good(format!("Identify {which:#x}"))?;
        Ok(self.memory.get(memory::ADMIN_DATA, identify::SIZE))
    }

    /// The size and format of the namespace.
    ///
    /// # Errors
    ///
    /// Identify fails.
    pub fn identify_namespace(&mut self) -> Result<Namespace> {
        let namespace = self.identify(identify::NAMESPACE, 1)?;
        Ok(Namespace {
            blocks: identify::namespace::NSZE.get(&namespace),
            block: 1 << identify::namespace::LBADS0.get(&namespace),
        })
    }

    /// Get Log Page.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn log_page(&mut self, page: u8, length: usize) -> Result<Vec<u8>> {
        self.memory.clear(memory::ADMIN_DATA, memory::ADMIN_ROOM);
        let dwords = (length / 4 - 1) as u64;
        let command = Command::new(admin::GET_LOG)
            .with(field::NSID, u32::MAX)
            .data((Memory::address(memory::ADMIN_DATA), 0))
            .with(
                field::CDW10,
                field::log::LID.with(page.into()) | field::log::NUMDL.with(dwords),
            );
        self.admin(command)?.good(format!("log page {page:#x}"))?;
        Ok(self.memory.get(memory::ADMIN_DATA, length))
    }

    /// The SMART log page.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn health(&mut self) -> Result<Vec<u8>> {
        self.log_page(log::health::LID, log::health::SIZE)
    }

    /// Set Features; dword 0 of the completion.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn set_feature(&mut self, which: u8, value: u64) -> Result<u32> {
        let command = Command::new(admin::SET_FEATURES)
            .with(field::CDW10, field::features::FID.with(which.into()))
            .with(field::CDW11, value);
        Ok(self
            .admin(command)?
            .good(format!("setting feature {which:#x}"))?
            .result)
    }

    /// Get Features; the value.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn feature(&mut self, which: u8) -> Result<u32> {
        let command = Command::new(admin::GET_FEATURES)
            .with(field::CDW10, field::features::FID.with(which.into()));
        Ok(self
            .admin(command)?
            .good(format!("feature {which:#x}"))?
            .result)
    }

    /// Doorbell Buffer Config: I/O queues' doorbells have shadows from now on.
    ///
    /// # Errors
    ///
    /// It fails.
    pub fn shadow(&mut self) -> Result {
        self.memory.clear(memory::SHADOW, nvme::spec::PAGE);
        self.memory.clear(memory::EVENTS, nvme::spec::PAGE);
        let pages = (
            Memory::address(memory::SHADOW),
            Memory::address(memory::EVENTS),
        );
        let command = Command::new(admin::DOORBELL_BUFFER).data(pages);
        self.admin(command)?.good("Doorbell Buffer Config")?;
        self.shadowed = true;
        Ok(())
    }
}
