// SPDX-License-Identifier: GPL-2.0

//! Files of sysfs as types: which object they belong to, what is read and what is written.
//!
//! C header: [`include/linux/sysfs.h`](srctree/include/linux/sysfs.h)
//!
//! All our files are binary attributes of size 0. Only those see the offset and the length of a
//! write as the writer made it, and only so can a question that is cut in two be told from one
//! that is whole.

use crate::bindings;
use core::{
    fmt::{
        self,
        Write, //
    },
    marker::PhantomData,
    mem::{
        take,
        MaybeUninit, //
    },
    slice, //
};
use kernel::{
    error::from_result,
    prelude::*, //
};

/// A file that can be read.
pub(crate) trait File: 'static {
    /// What the file is about.
    type Object;

    /// Its name.
    const NAME: &'static CStr;

    /// Who may read it, as a mode.
    const MODE: u16;

    /// Finds the object from the directory that the file is in.
    ///
    /// # Safety
    ///
    /// `kobj` must be that of a directory which this file was made in, and the file must not be
    /// removed while the result lives (sysfs waits for callbacks that run).
    unsafe fn object<'a>(kobj: *mut bindings::kobject) -> &'a Self::Object;

    /// Whether the object can be asked now; also before a write.
    ///
    /// # Errors
    ///
    /// What reading and writing fail with.
    fn check(object: &Self::Object) -> Result {
        let _ = object;
        Ok(())
    }

    /// Writes the whole content, newline included.
    fn read(object: &Self::Object, out: &mut dyn Write) -> fmt::Result;
}

/// A file that root can write as well.
pub(crate) trait Writable: File {
    /// Takes one write. `offset` is 0 for every write that a file means to take.
    fn write(object: &Self::Object, bytes: &[u8], offset: u64) -> Result;
}

/// The part of a file's content that a reader asks for.
struct Window<'a> {
    /// What is left of the reader's page.
    room: &'a mut [MaybeUninit<u8>],
    /// How much of the content is still before the part.
    skip: usize,
    /// How much was written.
    filled: usize,
}

impl Write for Window<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let text = text.as_bytes();
        let (skipped, text) = text.split_at(text.len().min(self.skip));
        self.skip -= skipped.len();
        let taken = text.len().min(self.room.len());
        let (part, room) = take(&mut self.room).split_at_mut(taken);
        for (to, &byte) in part.iter_mut().zip(text) {
            to.write(byte);
        }
        self.room = room;
        // No more than the page has.
        self.filled = self.filled.wrapping_add(taken);
        Ok(())
    }

    /// As the default, at a fraction of its cost: every second piece of a line is a separator.
    fn write_char(&mut self, character: char) -> fmt::Result {
        if self.skip > 0 || self.room.is_empty() || !character.is_ascii() {
            return self.write_str(character.encode_utf8(&mut [0; 4]));
        }
        if let Some((to, room)) = take(&mut self.room).split_first_mut() {
            // CAST: ASCII is one byte.
            to.write(character as u8);
            self.room = room;
            self.filled = self.filled.wrapping_add(1);
        }
        Ok(())
    }
}

/// A file that can only be read, in the form that C takes.
pub(crate) const fn attribute<F: File>() -> bindings::bin_attribute {
    const { assert!(F::MODE & !0o444 == 0, "a mode of more than reading") };
    // SAFETY: All fields are integers, pointers or optional functions: zeroes are valid.
    let mut attr: bindings::bin_attribute = unsafe { core::mem::zeroed() };
    attr.attr.name = c_name(F::NAME).cast();
    attr.attr.mode = F::MODE;
    attr.read = Some(Shim::<F>::read);
    attr
}

/// As [`attribute`], for a file that root can write as well.
pub(crate) const fn writable<F: Writable>() -> bindings::bin_attribute {
    let mut attr = attribute::<F>();
    attr.attr.mode |= 0o200;
    attr.write = Some(Shim::<F>::write);
    attr
}

/// A name's first byte, for C, in a constant.
#[expect(clippy::disallowed_methods, reason = "`as_char_ptr` is no `const fn`")]
pub(crate) const fn c_name(name: &'static CStr) -> *const u8 {
    name.as_ptr().cast()
}

/// The callbacks of a file.
struct Shim<F>(PhantomData<F>);

impl<F: File> Shim<F> {
    /// Reads a part of the file.
    ///
    /// # Safety
    ///
    /// `kobj` must be that of a directory with this file, which is not removed before this
    /// returns; `buf` must be valid for writes of `count` bytes, and nobody else's.
    unsafe extern "C" fn read(
        _file: *mut bindings::file,
        kobj: *mut bindings::kobject,
        _attr: *const bindings::bin_attribute,
        buf: *mut c_char,
        offset: bindings::loff_t,
        count: usize,
    ) -> isize {
        // SAFETY: sysfs calls this for a file that we made in `kobj`'s directory, and does not
        // finish removing that file before this returns.
        let object = unsafe { F::object(kobj) };
        // SAFETY: sysfs hands over `count` bytes of a page of its own, initialised or not; they
        // are only written to, and only their written part is used.
        let room = unsafe { slice::from_raw_parts_mut(buf.cast::<MaybeUninit<u8>>(), count) };
        from_result(|| {
            let skip = usize::try_from(offset).map_err(|_| EINVAL)?;
            F::check(object)?;
            let mut window = Window {
                room,
                skip,
                filled: 0,
            };
            match F::read(object, &mut window) {
                // CAST: no more than a page.
                Ok(()) => Ok(window.filled as isize),
                Err(fmt::Error) => Err(EIO),
            }
        })
    }
}

impl<F: Writable> Shim<F> {
    /// Takes a write.
    ///
    /// # Safety
    ///
    /// As [`Self::read`], but `buf` must have `count` initialised bytes.
    unsafe extern "C" fn write(
        _file: *mut bindings::file,
        kobj: *mut bindings::kobject,
        _attr: *const bindings::bin_attribute,
        buf: *mut c_char,
        offset: bindings::loff_t,
        count: usize,
    ) -> isize {
        // SAFETY: As in `read`.
        let object = unsafe { F::object(kobj) };
        // SAFETY: sysfs copied `count` bytes from the writer into a buffer of its own.
        let bytes = unsafe { slice::from_raw_parts(buf.cast::<u8>(), count) };
        from_result(|| {
            let offset = u64::try_from(offset).map_err(|_| EINVAL)?;
            F::check(object)?;
            F::write(object, bytes, offset)?;
            // CAST: no more than a page.
            Ok(count as isize)
        })
    }
}

/// The text of a write that sets a value: at offset 0, one line, one trailing newline dropped.
pub(crate) fn line(bytes: &[u8], offset: u64) -> Result<&str> {
    if offset != 0 {
        return Err(EINVAL);
    }
    migcore::Line::from_write(bytes)
        .map(|line| line.as_str())
        .map_err(|_| EINVAL)
}
