// SPDX-License-Identifier: GPL-2.0

//! `explain`: an advice for every rule and every kind of value.

use crate::golden::Golden;
use crate::tree::{unknown_keys, version, Tree, UUID_16M, UUID_64M};

const TARGET: &str =
    "acme/1,model=a1,type=big|small,rings=2..8/2,depth=64|128,lba=512,state=2..3,features=&0x5";
const TYPE: &str =
    "acme/1,model=a1,type=big,rings=2..8/2,depth=64,lba=512,state=2..3,features=&0x5,x-like=big|small";

/// A source that [`TARGET`] accepts, with one change.
fn source(from: &str, to: &str) -> String {
    let good = "acme/1,model=a1,type=big,rings=4,depth=64,lba=512,state=2,features=0x1";
    assert!(good.contains(from), "{from} is in the good string");
    good.replacen(from, to, 1)
}

#[test]
fn lines_that_are_no_version_strings() {
    let tree = Tree::empty();
    let mut golden = Golden::new(tree.path());
    golden.run_with(&["explain", "-", TARGET], b"a\nb\n", 1);
    golden.run(&["explain", "=", TARGET], 1);
    for (from, to) in [
        ("model=a1", "model"),
        ("model=a1", "Model=a1"),
        ("model=a1", "model="),
        ("lba=512", "lba=512,lba=512"),
        ("lba=512,", ""),
        ("rings=4,depth=64", "depth=64,rings=4"),
        ("model=a1", "x-note=1,model=a1"),
        ("features=0x1", "features=0x1,x-b=1,x-a=1"),
        ("rings=4", "rings=04"),
        ("rings=4", "rings=0x4"),
        ("rings=4", "rings=many"),
        ("features=0x1", "features=0x0F"),
        ("features=0x1", "features=1"),
    ] {
        golden.run(&["explain", &source(from, to), TARGET], 1);
    }
    golden.run(&["explain", TARGET, TARGET], 1);
    golden.compare("explain-form.txt");
}

#[test]
fn heads_that_differ() {
    let tree = Tree::empty();
    Golden::new(tree.path())
        .run(&["explain", &source("acme/1", "other/1"), TARGET], 1)
        .run(&["explain", &source("acme/1", "acme/2"), TARGET], 1)
        .run(
            &["explain", &source("acme/1", "acme/1"), "acme/2,x=1..2"],
            1,
        )
        .compare("explain-namespace.txt");
}

#[test]
fn values_that_are_refused() {
    let tree = Tree::empty();
    let mut golden = Golden::new(tree.path());
    for (from, to) in [
        ("lba=512", "lba=512,zoned=1"),
        ("model=a1", "model=a2"),
        ("type=big", "type=huge"),
        ("state=2", "state=4"),
        ("state=2", "state=1"),
        ("rings=4", "rings=1"),
        ("rings=4", "rings=5"),
        ("rings=4", "rings=20"),
        ("depth=64", "depth=32"),
        ("lba=512", "lba=4096"),
        ("features=0x1", "features=0x3"),
    ] {
        golden.run(&["explain", &source(from, to), TARGET], 1);
    }
    golden.run(&["explain", &source("", ""), TARGET], 0);
    golden.compare("explain-values.txt");
}

#[test]
fn values_that_a_type_node_refuses() {
    let tree = Tree::empty();
    Golden::new(tree.path())
        .run(&["explain", &source("type=big", "type=small"), TYPE], 1)
        .run(&["explain", &source("type=big", "type=huge"), TYPE], 1)
        .run(&["explain", &source("lba=512", "lba=4096"), TYPE], 1)
        .run(
            &[
                "explain",
                &source("", ""),
                &TYPE.replace("2..8/2", "16..8/16"),
            ],
            1,
        )
        .run(
            &["explain", &source("", ""), &TYPE.replace("2..3", "3..2")],
            1,
        )
        .compare("explain-type.txt");
}

#[test]
fn every_refusal_is_told_in_turn() {
    let tree = Tree::empty();
    let all = "acme/1,model=a2,type=huge,rings=9,depth=1,lba=1,state=9,features=0xf,new=1";
    let unknown = unknown_keys(40);
    Golden::new(tree.path())
        .run(&["explain", all, TARGET], 1)
        .run(&["--json", "explain", all, TARGET], 1)
        .run(&["explain", &(source("", "") + &unknown), TARGET], 1)
        .compare("explain-all.txt");
}

#[test]
fn places_are_named_and_commands_given() {
    let tree = Tree::host();
    let newer = version("16m", 64 << 20).replace("state=2", "state=4");
    tree.nodes(
        "devices/pci0000:00/0000:00:05.0",
        &newer,
        "acme/1,model=a1,type=whole,state=2..3",
    );
    Golden::new(tree.path())
        .run(&["explain", UUID_64M, "mdev_nvme0/16m"], 1)
        .run(&["explain", UUID_16M, "mdev_nvme0/1g"], 1)
        .run(&["explain", "mdev_nvme0/16m", UUID_64M], 1)
        .run(&["explain", "0000:00:05.0", UUID_16M], 1)
        .run(&["explain", UUID_16M, "mdev_nvme0/64m_local"], 1)
        .run(&["--json", "explain", UUID_64M, "mdev_nvme0/16m"], 1)
        .run(&["--json", "explain", UUID_64M, UUID_16M], 0)
        .compare("explain-places.txt");
}

#[test]
fn a_whole_device_of_another_size_can_be_given_the_sources() {
    let tree = Tree::host_with_whole(64 << 20);
    Golden::new(tree.path())
        .run(&["explain", &version("16m", 16 << 20), "0000:00:07.0"], 1)
        .compare("explain-whole.txt");
}
