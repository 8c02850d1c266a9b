// SPDX-License-Identifier: GPL-2.0

//! Get Features and Set Features (5.13, 5.21).

use crate::command::{dword10, dword11, Command, Failure, BAD_NAMESPACE};
use crate::controller::Controller;
use crate::features::Features;
use crate::spec::command::features::{FID, SEL, SV};
use crate::spec::command::{CDW10, CDW11, NSID};
use crate::spec::event::{HEALTH, TEMPERATURE as TEMPERATURE_EVENT};
use crate::spec::feature::{
    ALL_SENSORS, ARBITRATION, ARBITRATION_ALL, ATOMICITY, CACHE_ENABLED, CAPABILITIES, CHANGEABLE,
    COALESCING, COALESCING_ALL, COMPLETION, COMPOSITE, CURRENT, DEALLOCATED_ERROR, DEFAULT,
    ERROR_RECOVERY, EVENTS, HEALTH_EVENTS, IV, NOT_COALESCED, NOT_NEEDED, OF_NAMESPACE, OVER,
    POWER, POWER_ALL, POWER_STATE, QUEUES, SAVED, SENSOR, SIDE, SUBMISSION, TEMPERATURE, THRESHOLD,
    TIME_LIMIT, TOO_MANY, UNDER, VECTOR, WRITE_CACHE,
};
use crate::spec::status::Status;
use crate::spec::{Bits, ALL_NAMESPACES, NAMESPACE};

const UNKNOWN: Failure = dword10(Status::INVALID_FIELD, FID);

fn bad(bits: Bits) -> Failure {
    dword11(Status::INVALID_FIELD, bits)
}

/// Whether there is such a feature, and each namespace has its own.
fn of_namespace(feature: u8) -> Option<bool> {
    match feature {
        ARBITRATION | POWER | TEMPERATURE | WRITE_CACHE | QUEUES | COALESCING | VECTOR
        | ATOMICITY | EVENTS => Some(false),
        ERROR_RECOVERY => Some(true),
        _ => None,
    }
}

impl Controller {
    /// Get Features (5.13): what goes into dword 0.
    pub(super) fn get_feature(&self, command: &Command) -> Result<u32, Failure> {
        let (first, value) = (command.get(CDW10), command.get(CDW11));
        // CAST: 8 bits.
        let feature = FID.of(first) as u8;
        let of_namespace = of_namespace(feature).ok_or(UNKNOWN)?;
        if of_namespace && command.namespace() != NAMESPACE {
            return Err(BAD_NAMESPACE);
        }
        match SEL.of(first) {
            CURRENT => self.feature(&self.features, feature, value),
            DEFAULT | SAVED => self.feature(&Features::DEFAULT, feature, value),
            CAPABILITIES => Ok(CHANGEABLE | if of_namespace { OF_NAMESPACE } else { 0 }),
            _ => Err(dword10(Status::INVALID_FIELD, SEL)),
        }
    }

    fn feature(&self, values: &Features, feature: u8, which: u64) -> Result<u32, Failure> {
        let value = match feature {
            ARBITRATION => values.arbitration.into(),
            POWER => values.power.into(),
            TEMPERATURE => match (SENSOR.of(which), SIDE.of(which)) {
                (COMPOSITE, OVER) => values.over.into(),
                (COMPOSITE, UNDER) => values.under.into(),
                (COMPOSITE, _) => return Err(bad(SIDE)),
                _ => return Err(bad(SENSOR)),
            },
            ERROR_RECOVERY => values.recovery.into(),
            WRITE_CACHE => CACHE_ENABLED.with(values.cache.into()),
            QUEUES => {
                let last = u64::from(self.config.queues).saturating_sub(1);
                SUBMISSION.with(last) | COMPLETION.with(last)
            }
            COALESCING => values.coalescing.into(),
            VECTOR => {
                let vector = self.vector(which)?;
                let off = values.not_coalesced & vector != 0;
                IV.with(IV.of(which)) | NOT_COALESCED.with(off.into())
            }
            ATOMICITY => NOT_NEEDED.with(values.atomicity.into()),
            EVENTS => values.events.into(),
            _ => return Err(UNKNOWN),
        };
        // CAST: all of them are in 32 bits.
        Ok(value as u32)
    }

    /// The bit of an interrupt vector.
    fn vector(&self, value: u64) -> Result<u32, Failure> {
        // CAST: 16 bits.
        let vector = IV.of(value) as u32;
        if vector >= u32::from(self.config.vectors) {
            return Err(bad(IV));
        }
        1_u32.checked_shl(vector).ok_or(bad(IV))
    }

    /// Set Features (5.21): what goes into dword 0.
    pub(super) fn set_feature(&mut self, command: &Command) -> Result<u32, Failure> {
        let (first, value) = (command.get(CDW10), command.get(CDW11));
        // CAST: 8 bits.
        let feature = FID.of(first) as u8;
        let of_namespace = of_namespace(feature).ok_or(UNKNOWN)?;
        if SV.any(first) {
            return Err(dword10(Status::NOT_SAVEABLE, SV));
        }
        match (of_namespace, command.namespace()) {
            (_, ALL_NAMESPACES) | (true, NAMESPACE) | (false, 0) => {}
            (false, NAMESPACE) => return Err(Failure::field(Status::NOT_OF_NAMESPACE, NSID)),
            _ => return Err(BAD_NAMESPACE),
        }
        let mut set = self.features;
        let mut dword = 0;
        // CAST: below, each value is cut to bits that its place has.
        match feature {
            ARBITRATION => set.arbitration = (value & ARBITRATION_ALL) as u32,
            POWER if POWER_STATE.any(value) => return Err(bad(POWER_STATE)),
            POWER => set.power = (value & POWER_ALL) as u8,
            TEMPERATURE => set_threshold(&mut set, value)?,
            ERROR_RECOVERY if DEALLOCATED_ERROR.any(value) => return Err(bad(DEALLOCATED_ERROR)),
            ERROR_RECOVERY => set.recovery = TIME_LIMIT.of(value) as u16,
            WRITE_CACHE => set.cache = CACHE_ENABLED.any(value),
            QUEUES => dword = self.allocate_queues(value)?,
            COALESCING => set.coalescing = (value & COALESCING_ALL) as u16,
            VECTOR => {
                let vector = self.vector(value)?;
                set.not_coalesced &= !vector;
                if NOT_COALESCED.any(value) {
                    set.not_coalesced |= vector;
                }
            }
            ATOMICITY => set.atomicity = NOT_NEEDED.any(value),
            EVENTS => set.events = HEALTH_EVENTS.of(value) as u8,
            _ => return Err(UNKNOWN),
        }
        self.features = set;
        if [TEMPERATURE, EVENTS].contains(&feature) && set.warning() & set.events != 0 {
            self.events.raise(HEALTH, TEMPERATURE_EVENT);
        }
        Ok(dword)
    }

    /// Number of queues (5.21.1.7): all that there are, however few are asked for.
    fn allocate_queues(&self, value: u64) -> Result<u32, Failure> {
        for bits in [SUBMISSION, COMPLETION] {
            if bits.of(value) == TOO_MANY {
                return Err(bad(bits));
            }
        }
        if self.queues.has_io() {
            return Err(dword10(Status::SEQUENCE, FID));
        }
        self.feature(&self.features, QUEUES, 0)
    }
}

/// Temperature threshold (5.21.1.4). There is no sensor but that of the composite temperature.
fn set_threshold(set: &mut Features, value: u64) -> Result<(), Failure> {
    if ![COMPOSITE, ALL_SENSORS].contains(&SENSOR.of(value)) {
        return Err(bad(SENSOR));
    }
    // CAST: 16 bits.
    let kelvins = THRESHOLD.of(value) as u16;
    match SIDE.of(value) {
        OVER => set.over = kelvins,
        UNDER => set.under = kelvins,
        _ => return Err(bad(SIDE)),
    }
    Ok(())
}
