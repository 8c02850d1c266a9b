// SPDX-License-Identifier: GPL-2.0

//! Two lines: an accepts line, and the source that is held against it.

use migcore::{judge, AcceptsLine, Rule};

/// What must hold of any bytes that are a text.
pub(crate) fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Some((accepts, source)) = text.split_once('\n') else {
        return;
    };
    let Ok(target) = AcceptsLine::parse(accepts) else {
        return;
    };
    match judge(source, &target) {
        Ok(version) => {
            assert_eq!(version.to_string(), source);
            assert_eq!(version.head(), target.head());
            for entry in target.entries() {
                assert!(version
                    .get(entry.key)
                    .is_some_and(|v| entry.accept.admits(v)));
            }
            // One more key that informs changes nothing, one that does not is refused.
            if !source.contains(",x-") {
                assert!(judge(&format!("{source},x-a=1"), &target).is_ok());
                let more = format!("{source},zzz=1");
                if version.get("zzz").is_none() {
                    let rule = judge(&more, &target).map_err(|r| r.rule());
                    assert_eq!(rule.map(drop), Err(Rule::UnknownKey));
                }
            }
        }
        Err(refusal) => {
            let text = refusal.to_string();
            assert!(text.bytes().all(|b| (b' '..=b'~').contains(&b)), "{text:?}");
        }
    }
}
