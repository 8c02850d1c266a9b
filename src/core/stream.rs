// SPDX-License-Identifier: GPL-2.0

//! The bytes of a migration: typed, numbered, checked records, the same behind every protocol.
//!
//! A stream is a sequence of records, each a header of [`HEADER`] bytes and a payload. The first
//! is the source's version string, the last one says how many there were. [`Writer`] puts headers
//! before payloads; [`Reader`] takes the bytes as they come, in any pieces, and hands whole,
//! checked records to a [`Sink`]. `Documentation/stream-format.md` is the format as a table.
//!
//! ```
//! use migcore::stream::{crc32c, Kind, Reader, Refusal, Sink, Taken, Writer};
//! use migcore::stream::{HEADER, MAX_RECORD};
//! use migcore::Errno;
//!
//! struct Show(Vec<String>);
//! impl Sink for Show {
//!     fn version(&mut self, line: &str) -> Result<(), Errno> {
//!         self.0.push(line.to_owned());
//!         Ok(())
//!     }
//!     fn record(&mut self, kind: Kind, payload: &[u8]) -> Result<Taken, Errno> {
//!         self.0.push(format!("{kind}: {payload:?}"));
//!         Ok(Taken::Yes)
//!     }
//!     fn end(&mut self) -> Result<(), Errno> {
//!         self.0.push("end".to_owned());
//!         Ok(())
//!     }
//! }
//!
//! let (mut writer, mut out) = (Writer::new(crc32c), vec![0; MAX_RECORD]);
//! let mut stream = Vec::new();
//! let n = writer.version("acme/1,model=a1,state=3", &mut out);
//! stream.extend(&out[..n]);
//! out[HEADER..HEADER + 2].copy_from_slice(&[7, 9]);
//! let n = writer.frame(Kind::own(0), &mut out, 2);
//! stream.extend(&out[..n]);
//! let n = writer.end(&mut out);
//! stream.extend(&out[..n]);
//!
//! let (mut reader, mut show) = (Reader::new(vec![0; MAX_RECORD], crc32c), Show(Vec::new()));
//! for piece in stream.chunks(5) {
//!     reader.push(piece, &mut show)?;
//! }
//! reader.finish()?;
//! assert_eq!(show.0, ["acme/1,model=a1,state=3", "own 0: [7, 9]", "end"]);
//! # Ok::<(), Refusal>(())
//! ```

mod crc32c;
mod header;
mod kind;
mod reader;
mod refusal;
mod rules;
mod writer;

pub use crc32c::crc32c;
pub use kind::Kind;
pub use reader::{Reader, Sink, Taken};
pub use refusal::{Fault, Refusal};
pub(crate) use writer::length;
pub use writer::Writer;

/// The bytes of a record before its payload.
pub const HEADER: usize = 24;

/// The longest payload.
pub const MAX_PAYLOAD: usize = 128 * 1024;

/// The longest record, header included.
pub const MAX_RECORD: usize = HEADER + MAX_PAYLOAD;

/// The longest version string: what a question to `migration_version` can be, without newline.
pub const MAX_VERSION: usize = crate::line::MAX_WRITE - 1;

/// The payload of the last record: two totals.
pub const END_PAYLOAD: usize = 16;

/// Goes on with a CRC32C over more bytes: from the value so far to the next one.
///
/// The value is the plain remainder, as with the kernel's function of that name: who starts
/// begins with all ones, and what goes into a stream is the complement of the last value.
pub type Checksum = fn(u32, &[u8]) -> u32;

/// The checksum as it stands in a stream.
fn sum_of(checksum: Checksum, bytes: &[u8]) -> u32 {
    !checksum(!0, bytes)
}
