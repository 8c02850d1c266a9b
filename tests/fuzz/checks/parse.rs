// SPDX-License-Identifier: GPL-2.0

//! Any bytes as a write, and as a version string.

use migcore::{Escaped, Line, Version};

fn printable(text: &str) -> bool {
    text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// What must hold of any bytes.
pub(crate) fn check(bytes: &[u8]) {
    match Line::from_write(bytes) {
        Ok(line) => {
            assert!(printable(line.as_str()) && !line.as_str().is_empty());
            assert!(bytes.starts_with(line.as_str().as_bytes()));
        }
        Err(error) => assert!(printable(&error.to_string())),
    }
    assert!(printable(&Escaped::new(bytes, 128).to_string()));
    // Tools read version strings from files, too, where nothing has looked at the bytes before.
    if let Ok(text) = std::str::from_utf8(bytes) {
        match Version::parse(text) {
            Ok(version) => assert_eq!(version.to_string(), text),
            Err(error) => {
                assert!(text.get(error.at..).is_some(), "{error:?}");
                assert!(printable(&error.to_string()));
            }
        }
    }
}
