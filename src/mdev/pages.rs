// SPDX-License-Identifier: GPL-2.0

//! Memory for the contents of a device, which takes only what was written.
//!
//! C header: [`include/linux/gfp.h`](srctree/include/linux/gfp.h)

use crate::bindings;
use core::{
    ops::{
        Deref,
        DerefMut, //
    },
    ptr::NonNull, //
};
use kernel::{
    page::PAGE_SIZE,
    prelude::*, //
};

/// A page of the kernel's memory, all zeroes at first. Who pays for it is the group that
/// [`Context::pay_for`](crate::Context::pay_for) names, until it is dropped.
///
/// # Invariants
///
/// A page that nobody else has.
#[repr(transparent)]
struct Frame(NonNull<[u8; PAGE_SIZE]>);

// SAFETY: Memory that is ours alone.
unsafe impl Send for Frame {}
// SAFETY: As above.
unsafe impl Sync for Frame {}

impl Frame {
    /// # Errors
    ///
    /// `ENOMEM` if there is none, or the group that pays has no more: nothing is killed for it.
    fn new() -> Result<Self> {
        // INVARIANT: It is ours until we free it.
        // SAFETY: May sleep, as all callers may.
        let page = unsafe { bindings::mdev_helper_alloc_frame() };
        Ok(Self(NonNull::new(page.cast()).ok_or(ENOMEM)?))
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        // SAFETY: By the invariant; it is one page.
        unsafe { bindings::free_pages(self.0.as_ptr().addr(), 0) };
    }
}

impl Deref for Frame {
    type Target = [u8; PAGE_SIZE];

    fn deref(&self) -> &Self::Target {
        // SAFETY: By the invariant; bytes are always valid.
        unsafe { self.0.as_ref() }
    }
}

impl DerefMut for Frame {
    fn deref_mut(&mut self) -> &mut Self::Target {
        // SAFETY: As in `deref`, and we are borrowed for writing.
        unsafe { self.0.as_mut() }
    }
}

/// Copies a whole page.
pub fn copy_page(to: &mut [u8; PAGE_SIZE], from: &[u8; PAGE_SIZE]) {
    // SAFETY: Both have a page's bytes, and as one is borrowed for writing they are apart.
    unsafe { bindings::mdev_helper_copy_frame(to.as_mut_ptr().cast(), from.as_ptr().cast()) };
}

/// How many frames a page of references has.
const LEAF: usize = PAGE_SIZE / size_of::<Option<Frame>>();

// Zeroes are no frame, as `Frame` is a `NonNull`.
const _: () = assert!(size_of::<Option<Frame>>() == size_of::<*mut u8>());

/// A page of references to frames, which is paid for as they are.
struct Leaf {
    page: Frame,
    /// How many there are.
    count: usize,
}

impl Leaf {
    fn new() -> Result<Self> {
        Ok(Self {
            page: Frame::new()?,
            count: 0,
        })
    }

    fn frames(&self) -> &[Option<Frame>; LEAF] {
        // SAFETY: A page that is ours, aligned as any; it was all zeroes, which is `None`, and was
        // written to as what it is taken for here, only.
        unsafe { self.page.0.cast().as_ref() }
    }

    fn frames_mut(&mut self) -> &mut [Option<Frame>; LEAF] {
        // SAFETY: As in `frames`, and we are borrowed for writing.
        unsafe { self.page.0.cast().as_mut() }
    }
}

impl Drop for Leaf {
    fn drop(&mut self) {
        for frame in self.frames_mut() {
            *frame = None;
        }
    }
}

/// Pages by their numbers, of which only those take memory that were written to.
pub struct Pages {
    leaves: KVVec<Option<Leaf>>,
    count: u64,
}

impl Pages {
    /// Room for pages 0 to `count` - 1, none of which is there. Takes 16 bytes for each 512.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub fn new(count: u64) -> Result<Self> {
        let leaves = usize::try_from(count.div_ceil(LEAF as u64))?;
        let mut pages = Self {
            leaves: KVVec::with_capacity(leaves, GFP_KERNEL)?,
            count: 0,
        };
        for _ in 0..leaves {
            pages.leaves.push(None, GFP_KERNEL)?;
        }
        Ok(pages)
    }

    fn place(page: u64) -> Option<(usize, usize)> {
        let page = usize::try_from(page).ok()?;
        Some((page / LEAF, page % LEAF))
    }

    /// A page, if it is there.
    pub fn get(&self, page: u64) -> Option<&[u8; PAGE_SIZE]> {
        let (leaf, at) = Self::place(page)?;
        let frame = self.leaves.get(leaf)?.as_ref()?.frames()[at].as_ref()?;
        Some(frame)
    }

    /// A page, for writing. If it is not there it appears, with zeroes.
    ///
    /// # Errors
    ///
    /// `ENOMEM` if there is no memory, or the group that pays may have no more; `EINVAL` for a
    /// page that there is no room for.
    pub fn get_mut(&mut self, page: u64) -> Result<&mut [u8; PAGE_SIZE]> {
        let (leaf, at) = Self::place(page).ok_or(EINVAL)?;
        let place = self.leaves.get_mut(leaf).ok_or(EINVAL)?;
        let fresh = match place {
            Some(leaf) if leaf.frames()[at].is_some() => None,
            _ => Some(Frame::new()?),
        };
        let leaf = match place {
            Some(leaf) => leaf,
            None => place.insert(Leaf::new()?),
        };
        if let Some(fresh) = fresh {
            leaf.frames_mut()[at] = Some(fresh);
            leaf.count += 1;
            self.count += 1;
        }
        leaf.frames_mut()[at].as_deref_mut().ok_or(ENOMEM)
    }

    /// Gives a page back. Whether it was there.
    pub fn remove(&mut self, page: u64) -> bool {
        let Some((leaf, at)) = Self::place(page) else {
            return false;
        };
        let Some(place) = self.leaves.get_mut(leaf) else {
            return false;
        };
        let Some(leaf) = place else {
            return false;
        };
        if leaf.frames_mut()[at].take().is_none() {
            return false;
        }
        leaf.count -= 1;
        self.count -= 1;
        if leaf.count == 0 {
            *place = None;
        }
        true
    }

    /// How many are there.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The first pages that are there, from one on, and how many at least follow each other.
    pub fn next_run(&self, from: u64) -> Option<(u64, u64)> {
        let (first, mut at) = Self::place(from)?;
        for (index, leaf) in self.leaves.iter().enumerate().skip(first) {
            if let Some(leaf) = leaf {
                let frames = &leaf.frames()[at..];
                if let Some(found) = frames.iter().position(Option::is_some) {
                    let run = frames[found..].iter().take_while(|frame| frame.is_some());
                    return Some(((index * LEAF + at + found) as u64, run.count() as u64));
                }
            }
            at = 0;
        }
        None
    }

    /// The first page that is there, from one on.
    pub fn next(&self, from: u64) -> Option<u64> {
        let (first, mut at) = Self::place(from)?;
        for (index, leaf) in self.leaves.iter().enumerate().skip(first) {
            if let Some(leaf) = leaf {
                let found = leaf.frames()[at..].iter().position(Option::is_some);
                if let Some(found) = found {
                    return Some((index * LEAF + at + found) as u64);
                }
            }
            at = 0;
        }
        None
    }
}
