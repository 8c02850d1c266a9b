// SPDX-License-Identifier: GPL-2.0

//! What a vendor driver declares, and its registration on the mdev bus.
//!
//! C header: [`include/linux/mdev.h`](srctree/include/linux/mdev.h)

use crate::{
    bindings,
    device::Device,
    device_files,
    migrate::Migrate,
    mtype::Row,
    names,
    protocols::Protocols,
    residence::Resident,
    shared::MAX_MODEL,
    whole::WholeDriver, //
};
use core::{
    fmt::Write,
    marker::PhantomData, //
};
use kernel::{
    error::to_result,
    module::this_module,
    prelude::*,
    sync::atomic::{
        Atomic,
        Full,
        Relaxed, //
    },
    types::Opaque, //
};
use migcore::{
    config::Layout as PciFunction,
    Contract,
    Identity,
    ParamRule, //
};

/// A type of devices, as a row of a driver's static table.
pub struct Type {
    /// The last part of its directory's name, after that of the parent's driver.
    pub sysfs_name: &'static CStr,
    /// What `name` shows.
    pub pretty_name: &'static CStr,
    /// What `description` shows. May have more than one line.
    pub description: &'static CStr,
    /// What version strings say: a word, not a number.
    pub name: &'static str,
    /// How devices of it can be migrated, if at all. If not, there is neither file at the type nor
    /// at its devices, nor does the device offer migration to VFIO's users: one field, all of it.
    pub migration: Option<Protocols>,
    /// The interchangeable set that it belongs to: types of one contract that differ only in
    /// parameters. Has `name` itself; by default nothing else.
    pub like: &'static [&'static str],
    /// The parameters of a new device, in the contract's order.
    pub params: &'static [u64],
    /// What its devices are on their PCI bus. Without it they cannot be opened (`EOPNOTSUPP`).
    pub pci: Option<&'static PciFunction>,
}

/// A vendor driver: a table.
///
/// Implementing it needs `#[vtable]`, which adds the module that its devices keep loaded.
#[vtable]
pub trait Driver: Send + Sync + Sized + 'static {
    /// What is behind the registers of its devices; [`NoDevice`](crate::NoDevice) if nothing is.
    type Device: Migrate;

    /// Its name on the mdev bus.
    const NAME: &'static CStr;

    /// The keys of its namespace.
    const CONTRACT: &'static Contract;

    /// Which parameter counts against a parent's budget, as an index into the contract's.
    const BUDGET: usize;

    /// The types, the same on every parent.
    const TYPES: &'static [Type];

    /// The device that a parent can be offered as, whole and without mdev, if it can: a row that is
    /// no type. Its parameters are the least that there is, its budgeted one can be any multiple
    /// of that, and is at first the largest that the parent has. Its `sysfs_name` is the middle part of
    /// the name on the auxiliary bus.
    const WHOLE: Option<&'static Type> = None;

    /// What a parent says of itself as long as nobody sets anything else.
    const IDENTITY: Identity<'static>;

    /// The static that [`Registration`] uses.
    fn cell() -> &'static Cell<Self>;
}

/// Checks a driver's table while it is compiled.
pub(crate) const fn check<T: Driver>() {
    T::CONTRACT.check();
    assert!(
        T::BUDGET < T::CONTRACT.params.len(),
        "BUDGET is no parameter"
    );
    let identity = &T::IDENTITY;
    assert!(migcore::is_word(identity.model), "the model is no word");
    assert!(
        identity.reads.0 <= identity.state && identity.state <= identity.reads.1,
        "the state version that is written is not read"
    );
    assert!(
        identity.reads.1 - identity.reads.0 < 64,
        "more state versions than a file can list"
    );
    assert!(
        T::CONTRACT.features || identity.features == 0,
        "features without the key"
    );
    assert!(
        identity.model.len() <= MAX_MODEL,
        "the model is longer than 63 bytes"
    );
    assert!(!T::TYPES.is_empty(), "no type");
    let mut i = 0;
    while i < rows::<T>() {
        let kind = row::<T>(i);
        assert!(migcore::is_word(kind.name), "the name of a type is no word");
        assert!(
            kind.params.len() == T::CONTRACT.params.len(),
            "a type's parameters do not match"
        );
        assert!(kind.params[T::BUDGET] > 0, "a type that costs nothing");
        check_params(T::CONTRACT, T::BUDGET, kind);
        check_set::<T>(kind);
        if let Some(function) = kind.pci {
            function.check();
        }
        assert!(
            longest_line(T::CONTRACT, kind) < LINE,
            "an accepts line could be cut"
        );
        i += 1;
    }
    names::check::<T>();
}

/// Checks a type's parameters against their rules.
const fn check_params(contract: &Contract, budget: usize, kind: &Type) {
    let mut i = 0;
    while i < contract.params.len() {
        match contract.params[i].rule {
            ParamRule::AtMost { min } => {
                assert!(
                    min <= kind.params[i],
                    "a type is below the minimum of a parameter"
                );
            }
            // What is settable needs a limit, and only the budget is one.
            ParamRule::Settable => assert!(i == budget, "a settable parameter without budget"),
            ParamRule::Equal => {}
        }
        i += 1;
    }
}

/// How many rows a driver's table has: its types, and the whole device.
pub(crate) const fn rows<T: Driver>() -> usize {
    T::TYPES.len() + if T::WHOLE.is_some() { 1 } else { 0 }
}

/// One of them.
pub(crate) const fn row<T: Driver>(index: usize) -> &'static Type {
    match T::WHOLE {
        Some(whole) if index == T::TYPES.len() => whole,
        _ => &T::TYPES[index],
    }
}

/// Checks one row's interchangeable set, and that no other row has its name.
const fn check_set<T: Driver>(kind: &Type) {
    assert!(
        migcore::lists(kind.like, kind.name),
        "the interchangeable set lacks the type itself"
    );
    let mut same_name = 0;
    let mut i = 0;
    while i < rows::<T>() {
        let other = row::<T>(i);
        if migcore::lists(&[kind.name], other.name) {
            same_name += 1;
        }
        if migcore::lists(kind.like, other.name) {
            // Else a state could go to a device from which it cannot come back.
            assert!(
                same_list(kind.like, other.like),
                "types of one set do not list the same set"
            );
            assert!(
                kind.migration.is_some() == other.migration.is_some(),
                "a set with types that cannot be migrated"
            );
        }
        i += 1;
    }
    assert!(same_name == 1, "two types have one name");
    let mut i = 0;
    while i < kind.like.len() {
        assert!(
            migcore::is_word(kind.like[i]),
            "an interchangeable set has a name that is no word"
        );
        i += 1;
    }
}

const fn same_list(a: &[&str], b: &[&str]) -> bool {
    let mut i = 0;
    while i < a.len() && i < b.len() {
        if !migcore::lists(&[a[i]], b[i]) {
            return false;
        }
        i += 1;
    }
    a.len() == b.len()
}

/// What one read of a file gives at the most, in bytes.
const LINE: usize = 4096;

/// An upper bound of the length of a type's accepts line, its newline included.
const fn longest_line(contract: &Contract, kind: &Type) -> usize {
    // min..max/step
    const STEPS: usize = 3 * 20 + 3;
    let mut set = kind.name.len();
    let mut i = 0;
    while i < kind.like.len() {
        set += kind.like[i].len() + 1;
        i += 1;
    }
    let mut length = contract.namespace.len()
        + "/1,model=,type=,state=,features=&0x,x-like=\n".len()
        + MAX_MODEL
        + 2 * set
        + STEPS
        + 16;
    let mut i = 0;
    while i < contract.params.len() {
        length += contract.params[i].key.len() + 2 + STEPS;
        i += 1;
    }
    length
}

/// The state of a cell: nobody uses it.
const EMPTY: i32 = 0;
/// The state of a cell: it is being registered or unregistered.
const BUSY: i32 = -1;

/// Where a driver's registration lives: a static of its module, since a bus gives its callbacks no
/// other context.
///
/// It counts its users. While there are none (0) nothing is registered; the registration is one,
/// each parent is one more, and the last to go unregisters. So no order of teardown can leave a
/// parent with a driver that is gone.
pub struct Cell<T: Driver> {
    users: Atomic<i32>,
    driver: Opaque<bindings::mdev_driver>,
    whole: WholeDriver<T>,
    _driver: PhantomData<fn() -> T>,
}

// SAFETY: `driver` and `whole` are only written by who turned `users` from EMPTY to BUSY, before it becomes
// positive; all else is atomic.
unsafe impl<T: Driver> Sync for Cell<T> {}

impl<T: Driver> Cell<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Self {
            users: Atomic::new(EMPTY),
            driver: Opaque::uninit(),
            whole: WholeDriver::new(),
            _driver: PhantomData,
        }
    }

    /// Uses the registration, while there is one.
    pub(crate) fn hold(&'static self) -> Result<Hold<T>> {
        let resident = Resident::new()?;
        let mut users = self.users.load(Relaxed);
        while users > EMPTY {
            match self.users.cmpxchg(users, users + 1, Full) {
                Ok(_) => {
                    return Ok(Hold {
                        cell: self,
                        _resident: resident,
                    })
                }
                Err(now) => users = now,
            }
        }
        Err(ENODEV)
    }

    fn register(&'static self) -> Result<Hold<T>> {
        const { check::<T>() };
        let resident = Resident::new()?;
        self.users.cmpxchg(EMPTY, BUSY, Full).map_err(|_| EBUSY)?;
        let driver = self.driver.get();
        // SAFETY: BUSY keeps everybody else away, and the C structure may be all zeroes.
        unsafe {
            driver.write_bytes(0, 1);
            (*driver).device_api = c"vfio-pci".as_char_ptr();
            (*driver).probe = Some(Callbacks::<T>::probe);
            (*driver).remove = Some(Callbacks::<T>::remove);
            (*driver).get_available = Some(Callbacks::<T>::get_available);
            (*driver).show_description = Some(Callbacks::<T>::show_description);
            (*driver).driver.name = T::NAME.as_char_ptr();
            // Without an owner a module could be unloaded under an open device.
            (*driver).driver.owner = this_module::<T::OwnerModule>().as_ptr();
            (*driver).driver.mod_name =
                <T::OwnerModule as kernel::ModuleMetadata>::NAME.as_char_ptr();
            (*driver).driver.dev_groups = device_files::groups::<T>();
        }
        // SAFETY: The structure is filled in, static, and stays registered until `Hold` of the
        // last user unregisters it.
        let ret = to_result(unsafe { bindings::mdev_register_driver(driver) }).and_then(|()| {
            // SAFETY: BUSY keeps everybody else away.
            unsafe { self.whole.register() }.inspect_err(|_| {
                // SAFETY: Registered just now, and nobody uses it yet.
                unsafe { bindings::mdev_unregister_driver(driver) }
            })
        });
        self.users.store(
            if ret.is_ok() { 1 } else { EMPTY },
            kernel::sync::atomic::Release,
        );
        ret.map(|()| Hold {
            cell: self,
            _resident: resident,
        })
    }
}

impl<T: Driver> Default for Cell<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// One user of a registration: proof that the driver is registered.
pub(crate) struct Hold<T: Driver> {
    cell: &'static Cell<T>,
    // Dropped after the driver is unregistered.
    _resident: Resident,
}

impl<T: Driver> Hold<T> {
    /// The registered driver.
    pub(crate) fn as_raw(&self) -> *mut bindings::mdev_driver {
        self.cell.driver.get()
    }
}

impl<T: Driver> Drop for Hold<T> {
    fn drop(&mut self) {
        let cell = self.cell;
        let mut users = cell.users.load(Relaxed);
        loop {
            let next = if users == 1 { BUSY } else { users - 1 };
            match cell.users.cmpxchg(users, next, Full) {
                Ok(_) => break,
                Err(now) => users = now,
            }
        }
        if users == 1 {
            // SAFETY: Both are registered, as this was a user, and nobody else can become one; no
            // parent is left that could have a device.
            unsafe {
                cell.whole.unregister();
                bindings::mdev_unregister_driver(cell.driver.get());
            }
            cell.users.store(EMPTY, kernel::sync::atomic::Release);
        }
    }
}

/// The registration of a driver on the mdev bus; parents can be registered while it exists.
pub struct Registration<T: Driver> {
    _hold: Hold<T>,
}

impl<T: Driver> Registration<T> {
    /// Registers the driver.
    ///
    /// # Errors
    ///
    /// `EBUSY` if it is registered already, or if the bus has a driver of this name.
    pub fn new() -> Result<Self> {
        Ok(Self {
            _hold: T::cell().register()?,
        })
    }
}

/// The name of the budgeted parameter, for files that are named after it.
pub(crate) struct BudgetName<T>(PhantomData<T>);

impl<T: Driver> BudgetName<T> {
    const BYTES: &'static [u8; 32] = &{
        let key = T::CONTRACT.params[T::BUDGET].key.as_bytes();
        assert!(key.len() < 32, "a parameter's name is too long for a file");
        let mut name = [0; 32];
        let mut i = 0;
        while i < key.len() {
            name[i] = key[i];
            i += 1;
        }
        name
    };

    pub(crate) const TEXT: &'static CStr = match CStr::from_bytes_until_nul(Self::BYTES) {
        Ok(name) => name,
        Err(_) => panic!("a parameter's name is too long for a file"),
    };
}

/// Whether the budgeted parameter can be set.
pub(crate) const fn settable<T: Driver>() -> bool {
    matches!(T::CONTRACT.params[T::BUDGET].rule, ParamRule::Settable)
}

/// The callbacks of `struct mdev_driver`.
struct Callbacks<T>(PhantomData<T>);

impl<T: Driver> Callbacks<T> {
    /// Makes a device.
    ///
    /// # Safety
    ///
    /// As [`Device::probe`].
    unsafe extern "C" fn probe(mdev: *mut bindings::mdev_device) -> c_int {
        // SAFETY: The mdev core probes a device that it has just made of a type of ours.
        kernel::error::from_result(|| unsafe { Device::<T>::probe(mdev) }.map(|()| 0))
    }

    /// Removes a device.
    ///
    /// # Safety
    ///
    /// As [`Device::remove`].
    unsafe extern "C" fn remove(mdev: *mut bindings::mdev_device) {
        // SAFETY: The mdev core removes a device once, after its successful probe.
        unsafe { Device::<T>::remove(mdev) }
    }

    /// Says how many devices there is room for.
    ///
    /// # Safety
    ///
    /// `mtype` must be that of a registered [`Row`] of `T`.
    unsafe extern "C" fn get_available(mtype: *mut bindings::mdev_type) -> c_uint {
        // SAFETY: The core calls this from a file of the type, which is registered then.
        unsafe { Row::<T>::from_raw(mtype) }.available_instances()
    }

    /// Describes a type.
    ///
    /// # Safety
    ///
    /// As [`Self::get_available`]; `buf` must be a page.
    unsafe extern "C" fn show_description(
        mtype: *mut bindings::mdev_type,
        buf: *mut c_char,
    ) -> isize {
        // SAFETY: As in `get_available`.
        let row = unsafe { Row::<T>::from_raw(mtype) };
        // SAFETY: sysfs hands a page to a show callback.
        let page = unsafe { core::slice::from_raw_parts_mut(buf.cast::<u8>(), 4096) };
        let mut out = kernel::str::Formatter::new(page);
        match writeln!(out, "{}", row.description()) {
            // CAST: no more than a page.
            Ok(()) => out.bytes_written() as isize,
            Err(_) => EIO.to_errno() as isize,
        }
    }
}
