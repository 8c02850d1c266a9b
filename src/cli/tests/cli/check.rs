// SPDX-License-Identifier: GPL-2.0

//! `check`: verdicts, and every way to name the two sides.

use crate::golden::{run, Golden};
use crate::tree::{version, Tree, UUID_16M, UUID_64M, UUID_LOCAL};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

const TARGET: &str = "acme/1,model=a1,type=big|small,rings=1..8,state=2..3,features=&0x5";

#[test]
fn an_accepted_source_ends_with_0() {
    let tree = Tree::host();
    let source = "acme/1,model=a1,type=big,rings=4,state=2,features=0x1";
    Golden::new(tree.path())
        .run(&["check", source, TARGET], 0)
        .run(&["--json", "check", source, TARGET], 0)
        .compare("check-accepted.txt");
}

#[test]
fn each_rule_refuses_with_its_errno() {
    let tree = Tree::empty();
    let mut golden = Golden::new(tree.path());
    for source in [
        "",
        "=",
        "other/1,whatever",
        "acme/2,whatever",
        "acme/1,model",
        "acme/1,model=a1,type=big,rings=04,state=2,features=0x1",
        "acme/1,model=a1,type=big,rings=4,state=2,features=0x1,new=1",
        "acme/1,model=a2,type=big,rings=4,state=2,features=0x1",
        "acme/1,model=a1,type=huge,rings=4,state=2,features=0x1",
        "acme/1,model=a1,type=big,rings=4,state=4,features=0x1",
        "acme/1,model=a1,type=big,rings=9,state=2,features=0x1",
        "acme/1,model=a1,type=big,rings=4,state=2,features=0x2",
    ] {
        golden.run(&["check", source, TARGET], 1);
    }
    golden.compare("check-refused.txt");
}

#[test]
fn a_refusal_is_complete_in_json() {
    let tree = Tree::empty();
    Golden::new(tree.path())
        .run(
            &[
                "check",
                "--json",
                "acme/1,model=a1,type=big,rings=9,state=2,features=0x1",
                TARGET,
            ],
            1,
        )
        .run(&["check", "--json", "=", TARGET], 1)
        .run(&["check", "--json", "other/1,x", TARGET], 1)
        .run_with(
            &["check", "--json", "-", TARGET],
            b"acme/1,\x1b]0;x\x07\xff",
            1,
        )
        .compare("check-refused-json.txt");
}

#[test]
fn both_sides_can_be_lines_files_and_places() {
    let tree = Tree::host();
    let string = version("64m", 64 << 20);
    tree.file("source", format!("{string}\n"));
    tree.file("saved/migration_version", &string);
    tree.file(
        "saved/migration_accepts",
        crate::tree::device_accepts(64 << 20),
    );
    let node = format!("./sys/bus/mdev/devices/{UUID_64M}/migration_version");
    Golden::new(tree.path())
        .run(&["check", UUID_16M, UUID_64M], 0)
        .run(&["check", &string, UUID_16M], 0)
        .run(&["check", "@source", "mdev_nvme0/64m"], 0)
        .run(&["check", "./source", "mdev_nvme0/mdev_nvme-64m"], 0)
        .run_with(&["check", "-", "mdev_nvme0/64m"], string.as_bytes(), 0)
        .run_with(
            &["check", "0000:00:05.0", "-"],
            b"acme/1,model=a1,type=whole,state=2..3\n",
            0,
        )
        .run(&["check", &node, &node], 0)
        .run(&["check", "./saved", "./saved/migration_version"], 0)
        .run(&["check", UUID_16M, "mdev_nvme0/64m"], 1)
        .run(&["check", UUID_16M, "0000:00:05.0"], 1)
        .run(&["check", UUID_16M, UUID_LOCAL], 1)
        .run(&["--json", "check", "mdev_nvme0/64m_local", UUID_16M], 1)
        .compare("check-places.txt");
}

#[test]
fn what_is_no_question_ends_with_2() {
    let tree = Tree::host();
    let string = version("64m", 64 << 20);
    tree.file("source", format!("{string}\n"));
    let accepts = format!("./sys/bus/mdev/devices/{UUID_64M}/migration_accepts");
    Golden::new(tree.path())
        .run(&["check", &string, &string], 2)
        .run(&["check", &string, "@source"], 2)
        .run(&["check", &string, "acme/1,model"], 2)
        .run(&["check", &string, ""], 2)
        .run_with(&["check", &string, "-"], b"acme/1,a=1..2\x1b\n", 2)
        .run(&["check", &accepts, UUID_64M], 2)
        .run(&["check", "-", "-"], 2)
        .compare("check-usage.txt");
}

#[test]
fn what_cannot_be_read_ends_with_3() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["check", "@missing", UUID_64M], 3)
        .run(&["check", "./missing", UUID_64M], 3)
        .run(&["check", "garbage", UUID_64M], 3)
        .run(&["check", UUID_64M, "mdev_nvme0/2m"], 3)
        .compare("check-io.txt");
}

#[test]
fn a_target_of_another_grammar_is_compared_by_its_head() {
    let tree = Tree::empty();
    let target = "acme/2,what we ever may write=later..";
    Golden::new(tree.path())
        .run(&["check", "acme/1,model=a1", target], 1)
        .run(&["check", "other/1,model=a1", target], 1)
        .run(&["check", "acme/2,model=a1", target], 3)
        .compare("check-grammar.txt");
}

#[test]
fn an_accepts_line_is_never_accepted_as_source() {
    let tree = Tree::empty();
    let run = run(tree.path(), &["check", TARGET, TARGET], b"");
    assert_eq!(run.exit, 1, "{}", run.stdout);
    assert!(run.stdout.contains("EINVAL 22"), "{}", run.stdout);
}

#[test]
fn a_line_has_one_newline_and_at_most_4095_bytes() {
    let tree = Tree::empty();
    let head = "acme/1,model=a1,type=big,rings=4,state=2,features=0x1,x-a=";
    let target = TARGET;
    // Values are at most 255 bytes, so that a long line needs many keys.
    let mut long = head.to_owned() + "0";
    for n in 0.. {
        let field = format!(",x-b{n:03}={}", "1".repeat(200));
        if long.len() + field.len() > 4094 {
            let rest = 4094 - long.len() - ",x-c=".len();
            long.push_str(&format!(",x-c={}", "1".repeat(rest)));
            break;
        }
        long.push_str(&field);
    }
    assert_eq!(long.len(), 4094);
    let exit = |stdin: &[u8]| run(tree.path(), &["check", "-", target], stdin).exit;
    assert_eq!(exit(long.as_bytes()), 0);
    assert_eq!(exit(format!("{long}\n").as_bytes()), 0);
    assert_eq!(exit(format!("{long}\n\n").as_bytes()), 1);
    assert_eq!(exit(format!("{long}1\n").as_bytes()), 1);
    assert_eq!(exit(format!("{long}1").as_bytes()), 0);
    assert_eq!(exit(format!("{long}11").as_bytes()), 1);
}

#[test]
fn bytes_that_are_no_text_are_judged_and_never_printed() {
    let tree = Tree::empty();
    for bytes in [&b"acme/1,\xff=\x1b[31m"[..], b"acme/1,model=\xc2\x9b31m"] {
        let arguments = ["explain", "--json"].map(OsStr::new);
        let arguments = [
            &arguments[..],
            &[OsStr::from_bytes(bytes), OsStr::new(TARGET)],
        ]
        .concat();
        // `run` itself refuses unprintable output.
        let run = run(tree.path(), &arguments, b"");
        assert_eq!(run.exit, 1, "{}", run.stderr);
        assert!(run.stdout.contains("not printable ASCII"), "{}", run.stdout);
    }
}
