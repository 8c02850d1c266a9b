// SPDX-License-Identifier: GPL-2.0
//! The virtio port to the harness: lines go both ways.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Failure;

/// How often progress is reported, while there is some.
pub(crate) const REPORT: Duration = Duration::from_millis(250);
/// How long to wait before the next look for a harness that is not there.
const ABSENT: Duration = Duration::from_millis(100);

/// The port, shared by all who have something to say.
#[derive(Clone)]
pub(crate) struct Events(Arc<Mutex<File>>);

impl Events {
    /// Opens the port with the name `events`, which can be opened once.
    pub(crate) fn open() -> Result<Self, Failure> {
        for entry in fs::read_dir("/sys/class/virtio-ports")? {
            let entry = entry?;
            let name = fs::read_to_string(entry.path().join("name")).unwrap_or_default();
            if name.trim() == "events" {
                let path = Path::new("/dev").join(entry.file_name());
                let file = File::options().read(true).write(true).open(path)?;
                return Ok(Self(Arc::new(Mutex::new(file))));
            }
        }
        Err("no virtio port has the name events".into())
    }

    /// One line, as a whole.
    pub(crate) fn say(&self, line: &str) -> std::io::Result<()> {
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(format!("{line}\n").as_bytes())
    }

    /// Calls `hear` with each line that comes, for ever.
    pub(crate) fn listen(
        &self,
        mut hear: impl FnMut(&str) -> Result<(), Failure>,
    ) -> Result<std::convert::Infallible, Failure> {
        let mut file = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .try_clone()?;
        let mut heard = Vec::new();
        let mut piece = [0; 4096];
        loop {
            match file.read(&mut piece)? {
                // While a guest travels nobody is at the other end.
                0 => thread::sleep(ABSENT),
                count => heard.extend_from_slice(&piece[..count]),
            }
            while let Some(end) = heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = heard.drain(..=end).collect();
                hear(String::from_utf8_lossy(&line[..end]).as_ref())?;
            }
        }
    }
}
