// SPDX-License-Identifier: GPL-2.0

//! Golden texts: what users can see, compared whole.

use std::path::Path;

/// Holds `text` against `tests/golden/core/<name>.txt`, or writes it there if `BLESS=1`.
pub(crate) fn golden(name: &str, text: &str) {
    golden_in("core", name, text);
}

/// As [`golden`], in another folder of `tests/golden`.
pub(crate) fn golden_in(folder: &str, name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/golden")
        .join(folder)
        .join(name)
        .with_extension("txt");
    if std::env::var("BLESS").is_ok_and(|v| v == "1") {
        std::fs::write(&path, text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        return;
    }
    let wanted = std::fs::read_to_string(&path)
        .unwrap_or_else(|e| panic!("{}: {e}; BLESS=1 writes it", path.display()));
    if wanted == text {
        return;
    }
    let (mut old, mut new) = (wanted.split('\n'), text.split('\n'));
    for number in 1.. {
        let pair = (old.next(), new.next());
        if pair.0 != pair.1 {
            panic!(
                "{}, line {number}:\n golden {:?}\n now    {:?}\nBLESS=1 takes over what is new",
                path.display(),
                pair.0,
                pair.1
            );
        }
    }
}
