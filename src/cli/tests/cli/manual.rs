// SPDX-License-Identifier: GPL-2.0

//! Man pages and completions.

use crate::golden::run;
use crate::tree::Tree;
use std::fs::read_to_string;

const VERBS: [&str; 5] = ["list", "show", "check", "explain", "find"];

#[test]
fn each_verb_has_a_man_page() {
    let tree = Tree::empty();
    let written = run(tree.path(), &["man", "."], b"");
    assert_eq!(written.exit, 0, "{}", written.stderr);
    let main = read_to_string(tree.path().join("mdev-migrate.1")).expect("the main page");
    assert!(main.contains("Exit codes"), "{main}");
    for verb in VERBS {
        let name = format!("mdev-migrate-{verb}.1");
        assert!(written.stdout.contains(&name), "{}", written.stdout);
        let page = read_to_string(tree.path().join(&name)).expect("a page");
        assert!(page.contains(".TH"), "{page}");
        assert!(page.contains("sysfs"), "{page}");
        assert!(main.contains(&format!("mdev\\-migrate\\-{verb}")), "{main}");
    }
    assert_eq!(written.stdout.lines().count(), 1 + VERBS.len());
}

#[test]
fn each_shell_has_completions() {
    let tree = Tree::empty();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let written = run(tree.path(), &["completions", shell, "."], b"");
        assert_eq!(written.exit, 0, "{}", written.stderr);
        let text = read_to_string(tree.path().join(written.stdout.trim())).expect("a file");
        for word in VERBS.into_iter().chain(["--sysfs", "--json", "--from"]) {
            assert!(
                text.contains(word.trim_start_matches('-')),
                "{shell}: {word}"
            );
        }
        assert!(
            !text.contains("Write the"),
            "{shell} offers what only the build needs"
        );
    }
}

#[test]
fn a_folder_that_is_missing_is_an_error() {
    let tree = Tree::empty();
    assert_eq!(run(tree.path(), &["man", "missing"], b"").exit, 3);
    assert_eq!(
        run(tree.path(), &["completions", "bash", "missing"], b"").exit,
        3
    );
}
