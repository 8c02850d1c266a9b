// SPDX-License-Identifier: GPL-2.0

//! How a [`Drive`](crate::Drive) moves: what it holds as records, and back.
//!
//! | kind | record | payload | where |
//! |---|---|---|---|
//! | own 0 | [`IDENTITY`] | serial (20), NGUID (16), UUID (16), blocks (8), bytes of a block (4) | first, once |
//! | own 1 | [`PAGES`] | number of a 4 KiB page (8), then it and those behind it, whole, 1 to [`RUN`] of them | after IDENTITY, before STATE |
//! | own 2 | [`GONE`] | runs of pages that read as zeroes again: the first (8) and how many (8), ascending | the same |
//! | own 3 | [`STATE`] | the controller: [`Controller::save`](crate::Controller::save) | last, once |
//!
//! Numbers are little-endian, in brackets are bytes. What a later record says of a page is true,
//! what an earlier one says no more; a page of which none says anything reads as zeroes.
//!
//! **A save** begins with a tracker: bitmaps that note what changes from then on. While the device is
//! at work it produces IDENTITY, each page that was there at the beginning, once, and then whatever
//! has changed since it was produced. When the device was stopped, it produces what is left of that,
//! and STATE. Until IDENTITY and the first pass are produced they are the *initial* bytes of
//! [`Pending`](migcore::migration::Pending), which only ever get fewer.
//!
//! **A load** takes records as they come. IDENTITY empties the media, and pages land there as they
//! arrive. The controller's state is looked at as a whole and kept beside the controller until
//! [`commit`](crate::Drive::commit). A load that is given up leaves the media empty and the
//! controller as it was.

mod load;
mod records;
mod save;

pub(crate) use load::Load;
pub use load::Unfit;
pub(crate) use save::Save;

use migcore::stream::Kind;

#[cfg(doc)]
use crate::media::RUN;

/// Who the drive is, and how large.
pub const IDENTITY: Kind = Kind::own(0);
/// What pages hold.
pub const PAGES: Kind = Kind::own(1);
/// Pages that are there no more.
pub const GONE: Kind = Kind::own(2);
/// The controller.
pub const STATE: Kind = Kind::own(3);
