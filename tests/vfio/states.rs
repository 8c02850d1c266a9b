// SPDX-License-Identifier: GPL-2.0

//! The states of a migration, as the second protocol numbers them.

use vfio_bindings::bindings::vfio as uapi;

/// Number of a state.
pub type State = u32;
/// The device cannot go on until it is reset.
pub const ERROR: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_ERROR;
/// Does not run.
pub const STOP: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_STOP;
/// Runs.
pub const RUNNING: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_RUNNING;
/// Stopped, its state can be read.
pub const STOP_COPY: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_STOP_COPY;
/// Stopped, a state can be written.
pub const RESUMING: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_RESUMING;
/// Runs, but begins nothing towards other devices.
pub const RUNNING_P2P: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_RUNNING_P2P;
/// Runs, and its state can be read.
pub const PRE_COPY: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_PRE_COPY;
/// Both of the last two.
pub const PRE_COPY_P2P: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_PRE_COPY_P2P;
/// How many there are.
pub const COUNT: State = uapi::vfio_device_mig_state_VFIO_DEVICE_STATE_NR;

/// Of the MIGRATION feature: the device has RUNNING_P2P.
pub const FLAG_P2P: u64 = uapi::VFIO_MIGRATION_P2P as u64;
/// Of the MIGRATION feature: it has PRE_COPY.
pub const FLAG_PRE_COPY: u64 = uapi::VFIO_MIGRATION_PRE_COPY as u64;

/// A state's name.
pub fn name(state: State) -> String {
    let names = [
        "ERROR",
        "STOP",
        "RUNNING",
        "STOP_COPY",
        "RESUMING",
        "RUNNING_P2P",
        "PRE_COPY",
        "PRE_COPY_P2P",
    ];
    names
        .get(state as usize)
        .map_or_else(|| format!("state {state:#x}"), |name| (*name).to_owned())
}

/// Whether a device's state can be read out in this state.
pub fn saving(state: State) -> bool {
    matches!(state, STOP_COPY | PRE_COPY | PRE_COPY_P2P)
}

/// Whether a device with these flags has this state.
pub fn has(state: State, flags: u64) -> bool {
    match state {
        STOP | RUNNING | STOP_COPY | RESUMING => true,
        RUNNING_P2P => flags & FLAG_P2P != 0,
        PRE_COPY => flags & FLAG_PRE_COPY != 0,
        PRE_COPY_P2P => flags & FLAG_P2P != 0 && flags & FLAG_PRE_COPY != 0,
        _ => false,
    }
}
