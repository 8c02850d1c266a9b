// SPDX-License-Identifier: GPL-2.0

//! The contents of a device, out and in, beside a memfd of the same size.

use crate::world::{fill, World};
use measuring::{
    machine::Result,
    sample::{nanoseconds, Cost},
};
use nix::sys::memfd::{memfd_create, MFdFlags};
use nvme_guest::migration::{save, Client, Protocol, Read};
use std::{
    fs::File,
    io::{self, Read as _, Write},
    os::unix::fs::FileExt,
    time::Instant,
};
use vfio_client::{device::Device, sys::Answer};

/// How much is written to the media before.
pub(crate) const WRITTEN: u64 = 256 << 20;

/// Bytes of a read or write: the size of the first protocol's section.
const PIECE: usize = 1 << 20;

/// How often each is timed.
const ROUNDS: usize = 3;

/// One way of the contents, beside the same way of a memfd.
pub(crate) struct Way {
    pub(crate) what: &'static str,
    /// For all of the contents.
    pub(crate) ours: Cost,
    pub(crate) memfd: Cost,
    /// How much that is.
    pub(crate) bytes: usize,
}

/// Measures all four.
pub(crate) fn measure(world: &World) -> Result<Vec<Way>> {
    let source = world.device("256m", 1)?;
    let target = world.device("256m", 2)?;
    let mut guest = source.guest()?;
    fill(&mut guest, WRITTEN)?;
    let stream = save(&guest.device, Protocol::V2)?;
    Client::new(&guest.device, Protocol::V2)?
        .run()
        .map_err(said("run"))?;
    let other = target.target()?.open()?;

    let mut memfd = [Vec::new(), Vec::new()];
    let mut out = [Vec::new(), Vec::new()];
    let mut into = [Vec::new(), Vec::new()];
    let mut bytes = 0;
    let mut buffer = vec![0; PIECE];
    // One more at first, which fills caches and makes pages of this process.
    for round in 0..=ROUNDS {
        let keep = |list: &mut Vec<f64>, sample| {
            if round > 0 {
                list.push(sample);
            }
        };
        let (written, read) = of_memfd(&stream, &mut buffer).map_err(said("memfd"))?;
        keep(&mut memfd[0], read);
        keep(&mut memfd[1], written);
        for (n, protocol) in Protocol::BOTH.into_iter().enumerate() {
            let (sample, count) = reading(&guest.device, protocol, &mut buffer)?;
            keep(&mut out[n], sample);
            bytes = count;
            let sample = writing(&other, protocol, &stream)?;
            keep(&mut into[n], sample);
        }
    }
    let [read, written] = memfd.map(Cost::of);
    let [out1, out2] = out.map(Cost::of);
    let [in1, in2] = into.map(Cost::of);
    let way = |what, ours, memfd, bytes| Way {
        what,
        ours,
        memfd,
        bytes,
    };
    Ok(vec![
        way("out of it by v1 (mapped)", out1, read, bytes),
        way("out of it by v2", out2, read, bytes),
        way("into it by v1 (mapped)", in1, written, stream.len()),
        way("into it by v2", in2, written, stream.len()),
    ])
}

fn said<E: std::fmt::Display>(what: &str) -> impl FnOnce(E) -> String + '_ {
    move |error| format!("{what}: {error}")
}

/// How long it takes to write bytes to a new memfd, and to read them.
fn of_memfd(stream: &[u8], buffer: &mut [u8]) -> io::Result<(f64, f64)> {
    let mut file = File::from(memfd_create("contents", MFdFlags::MFD_CLOEXEC)?);
    let start = Instant::now();
    for piece in stream.chunks(PIECE) {
        file.write_all(piece)?;
    }
    let written = nanoseconds(start.elapsed());
    let start = Instant::now();
    let mut at = 0;
    while at < stream.len() as u64 {
        match file.read_at(buffer, at)? {
            0 => return Err(io::Error::other("the memfd ends early")),
            count => at += count as u64,
        }
    }
    let read = nanoseconds(start.elapsed());
    // What is not read would not count.
    let _ = file.read(&mut [0])?;
    Ok((written, read))
}

/// How long it takes to read the first pass of a running device; and how much that is.
fn reading(device: &Device, protocol: Protocol, buffer: &mut [u8]) -> Result<(f64, usize)> {
    let mut client = Client::new(device, protocol)?;
    let mut pass = || -> Answer<(f64, usize)> {
        let start = Instant::now();
        client.begin_save()?;
        let mut count = 0;
        while let Read::Bytes(more) = client.read(buffer)? {
            count += more;
        }
        let sample = nanoseconds(start.elapsed());
        client.run()?;
        Ok((sample, count))
    };
    let (sample, count) = pass().map_err(said("reading"))?;
    if (count as u64) < WRITTEN {
        return Err(format!("the first pass has {count} bytes"));
    }
    Ok((sample, count))
}

/// How long it takes to write all of a stream into an empty device.
fn writing(device: &Device, protocol: Protocol, stream: &[u8]) -> Result<f64> {
    device.reset().map_err(said("reset"))?;
    let mut client = Client::new(device, protocol)?;
    let mut pass = || -> Answer<f64> {
        client.begin_load()?;
        let start = Instant::now();
        client.write(stream, PIECE)?;
        let sample = nanoseconds(start.elapsed());
        client.stop()?;
        client.run()?;
        Ok(sample)
    };
    let sample = pass().map_err(said("writing"))?;
    // Given up again, so that the next one finds it empty.
    client.begin_load().map_err(said("another load"))?;
    let part = &stream[..PIECE.min(stream.len())];
    client.write(part, PIECE).map_err(said("a part"))?;
    drop(client);
    device.reset().map_err(said("reset"))?;
    Ok(sample)
}
