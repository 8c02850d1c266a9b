// SPDX-License-Identifier: GPL-2.0

//! The commands (5, 6).

/// Commands of the administration (5, figure "Opcodes for Admin Commands").
pub mod admin {
    /// Delete I/O Submission Queue (5.6).
    pub const DELETE_SQ: u8 = 0x00;
    /// Create I/O Submission Queue (5.4).
    pub const CREATE_SQ: u8 = 0x01;
    /// Get Log Page (5.14).
    pub const GET_LOG: u8 = 0x02;
    /// Delete I/O Completion Queue (5.5).
    pub const DELETE_CQ: u8 = 0x04;
    /// Create I/O Completion Queue (5.3).
    pub const CREATE_CQ: u8 = 0x05;
    /// Identify (5.15).
    pub const IDENTIFY: u8 = 0x06;
    /// Abort (5.1).
    pub const ABORT: u8 = 0x08;
    /// Set Features (5.21).
    pub const SET_FEATURES: u8 = 0x09;
    /// Get Features (5.13).
    pub const GET_FEATURES: u8 = 0x0a;
    /// Asynchronous Event Request (5.2).
    pub const EVENT_REQUEST: u8 = 0x0c;
    /// Doorbell Buffer Config (5.7).
    pub const DOORBELL_BUFFER: u8 = 0x7c;
    /// All that there are.
    pub const ALL: [u8; 11] = [
        DELETE_SQ,
        CREATE_SQ,
        GET_LOG,
        DELETE_CQ,
        CREATE_CQ,
        IDENTIFY,
        ABORT,
        SET_FEATURES,
        GET_FEATURES,
        EVENT_REQUEST,
        DOORBELL_BUFFER,
    ];
}

/// Commands of the NVM command set (6, figure "Opcodes for NVM Commands").
pub mod nvm {
    /// Flush (6.8).
    pub const FLUSH: u8 = 0x00;
    /// Write (6.15).
    pub const WRITE: u8 = 0x01;
    /// Read (6.9).
    pub const READ: u8 = 0x02;
    /// Compare (6.6).
    pub const COMPARE: u8 = 0x05;
    /// Write Zeroes (6.17).
    pub const WRITE_ZEROES: u8 = 0x08;
    /// Dataset Management (6.7).
    pub const DATASET: u8 = 0x09;
}
