// SPDX-License-Identifier: GPL-2.0

//! Any bytes as the records of a drive: each a kind, a length and a payload, as in the golden ones.
//! Nothing panics, and the target becomes what they say as a whole or stays what it was.

use super::disk::{begin_load, drive, state, Wires, BLOCKS};
use migcore::migration::Phase;
use migcore::stream::{Kind, Taken, MAX_PAYLOAD};
use nvme::media::{Bitmap, Tracker};
use nvme::migration::STATE;
use nvme::outside::{Clock, Fault, Media, Memory, Signal, SCRATCH};

/// A record, and what is behind it. A length that is too long ends with the bytes.
fn record(bytes: &[u8]) -> Option<(Kind, &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first_chunk()?;
    let (len, rest) = rest.split_first_chunk()?;
    let len = (u32::from_le_bytes(*len) as usize)
        .min(rest.len())
        .min(MAX_PAYLOAD);
    let (payload, rest) = rest.split_at(len);
    Some((Kind::from_number(u32::from_le_bytes(*kind)), payload, rest))
}

/// Memory in which all is 0 and nothing stays.
struct Nothing;

impl Memory for Nothing {
    fn read(&mut self, iova: u64, data: &mut [u8]) -> Result<(), Fault> {
        data.fill(0);
        if iova % 3 == 0 {
            Err(Fault)
        } else {
            Ok(())
        }
    }

    fn write(&mut self, _: u64, _: &[u8]) -> Result<(), Fault> {
        Ok(())
    }
}

impl Clock for Nothing {
    fn now(&self) -> u64 {
        1
    }
}

/// What must hold of any records.
pub(crate) fn check(bytes: &[u8]) {
    let mut target = drive();
    let mut wires = Wires::new(Signal::Line);
    target
        .media_mut()
        .write(1, &[1; 4096])
        .expect("room enough");
    let before = state(&target);
    begin_load(&mut target);
    let (mut rest, mut last, mut any) = (bytes, None, false);
    let mut result = Ok(());
    while let Some((kind, payload, behind)) = record(rest) {
        rest = behind;
        match target.accept(kind, payload) {
            Ok(Taken::Yes) => any = true,
            Ok(Taken::Unknown) => {}
            Err(unfit) => {
                let text = unfit.to_string();
                assert!(!text.is_empty() && !unfit.what().is_empty());
                result = Err(unfit);
                break;
            }
        }
        if kind == STATE {
            last = Some(payload);
        }
        assert!(target.media().count() <= BLOCKS);
    }
    let result = result.and_then(|()| target.complete());
    assert_eq!(state(&target), before, "only a commit changes it");
    if result.is_err() {
        target.abandon();
        assert_eq!(state(&target), before);
        assert_eq!(target.media().count(), u64::from(!any));
        return;
    }
    target.commit(&mut wires);
    assert_eq!(Some(&state(&target)[..]), last, "each state has one form");
    again(&mut target);
    // The guest that it says can do what it likes.
    let mut scratch = Box::new([0; SCRATCH]);
    for _ in 0..64 {
        if !target.process(&mut Nothing, &mut wires, &Nothing, &mut scratch, 64) {
            break;
        }
    }
    let _ = target.write(0x14, &[0; 4], &mut wires);
    let mut status = [1; 4];
    target.read(0x1c, &mut status);
    assert_eq!(status, [0; 4], "a reset brings it back");
}

/// What was loaded can be saved, and loaded again.
fn again(source: &mut super::disk::Disk) {
    let words = Bitmap::<Vec<u64>>::words(BLOCKS) as usize;
    let tracker = Tracker::new(vec![0; words], vec![0; words], BLOCKS);
    source.begin_save(tracker.expect("enough words"));
    let mut target = drive();
    begin_load(&mut target);
    let mut payload = vec![0; MAX_PAYLOAD];
    while let Some((kind, len)) = source
        .produce(Phase::Stopped, &mut payload)
        .expect("it works")
    {
        assert_eq!(target.accept(kind, &payload[..len]), Ok(Taken::Yes));
    }
    assert_eq!(source.pending(Phase::Stopped).total(), 0);
    assert!(source.end_save().is_some());
    assert_eq!(target.complete(), Ok(()));
    target.commit(&mut Wires::new(Signal::Line));
    assert_eq!(state(&target), state(source));
    assert_eq!(target.media().count(), source.media().count());
}
