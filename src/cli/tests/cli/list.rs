// SPDX-License-Identifier: GPL-2.0

//! `list` and `show`.

use crate::golden::{run, Golden};
use crate::tree::{type_directory, version, Tree, UUID_16M, UUID_LOCAL};

const TYPES: &str = "sys/class/mdev_bus/mdev_nvme0/mdev_supported_types";

#[test]
fn every_place_is_listed_with_its_lines() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["list"], 0)
        .compare("list.txt");
}

#[test]
fn list_prints_json() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["--json", "list"], 0)
        .compare("list-json.txt");
}

#[test]
fn a_part_of_a_function_is_listed_with_it_and_called_by_either_name() {
    let tree = Tree::host_with_whole(64 << 20);
    Golden::new(tree.path())
        .run(&["list"], 0)
        .run(&["show", "mdev_nvme.whole.0"], 0)
        .run(&["show", "0000:00:07.0"], 0)
        .run(&["--json", "show", "vfio9"], 0)
        .compare("list-whole.txt");
}

#[test]
fn a_host_without_places_ends_with_4() {
    let tree = Tree::empty();
    Golden::new(tree.path())
        .run(&["list"], 4)
        .run(&["list", "--json"], 4)
        .run(&["find", &version("16m", 16 << 20)], 4)
        .compare("list-empty.txt");
}

#[test]
fn a_missing_sysfs_is_an_error() {
    let tree = Tree::empty();
    Golden::new(tree.path())
        .run(&["list", "--sysfs", "nowhere"], 3)
        .compare("list-no-sysfs.txt");
}

#[test]
fn a_node_that_holds_no_line_is_said_to_be_unreadable() {
    let tree = Tree::empty();
    for (id, version, accepts) in [
        (
            "t-long",
            vec![b'a'; 5000],
            b"acme/1,model=a1,type=t,state=1..1\n".to_vec(),
        ),
        ("t-evil", b"acme/1,model=\x1b[2J\n".to_vec(), Vec::new()),
        ("t-empty", b"\n".to_vec(), b"\n".to_vec()),
    ] {
        tree.mdev_type("p0", id, 1);
        let place = format!("sys/{}", crate::tree::type_path("p0", id));
        tree.file(&format!("{place}/migration_version"), version);
        tree.file(&format!("{place}/migration_accepts"), accepts);
    }
    tree.mdev_type("p0", "t-half", 1);
    let half = type_directory(&tree, "p0", "t-half");
    std::fs::write(
        half.join("migration_version"),
        "acme/1,model=a1,type=half,state=1\n",
    )
    .expect("a node");
    tree.mdev_type("p0", "t-io", 1);
    // Opens, but cannot be read: as near to ENODEV as files come.
    std::fs::create_dir(type_directory(&tree, "p0", "t-io").join("migration_version"))
        .expect("a directory");
    Golden::new(tree.path())
        .run(&["list"], 0)
        .run(&["show", "p0/t-evil"], 3)
        .run(&["check", "acme/1,a=b", "p0/t-io"], 3)
        .run(&["find", "acme/1,model=a1,type=half,state=1"], 4)
        .compare("list-unreadable.txt");
}

#[test]
fn a_node_is_read_once_with_4096_bytes() {
    // One byte more than a line can have: a reader of less would see a line here.
    let tree = Tree::empty();
    tree.mdev_type("p0", "t", 1);
    let mut line = b"acme/1,model=a1,type=t,state=1".to_vec();
    line.resize(4096, b',');
    tree.file(
        &format!(
            "sys/{}/migration_version",
            crate::tree::type_path("p0", "t")
        ),
        line,
    );
    let run = run(tree.path(), &["list"], b"");
    assert!(
        run.stdout
            .contains("unreadable: migration_version: 4096 bytes, at most 4095 are taken"),
        "{}",
        run.stdout
    );
}

#[test]
fn a_place_is_shown_key_by_key_whatever_it_is_called_by() {
    let tree = Tree::host();
    let by_path = format!("./{TYPES}/mdev_nvme-16m");
    let by_node = format!("{by_path}/migration_accepts");
    Golden::new(tree.path())
        .run(&["show", "mdev_nvme0/mdev_nvme-16m"], 0)
        .run(&["show", "mdev_nvme0/16m"], 0)
        .run(&["show", &by_path], 0)
        .run(&["show", &by_node], 0)
        .run(&["show", UUID_16M], 0)
        .run(&["show", UUID_LOCAL], 0)
        .run(&["show", "0000:00:05.0"], 0)
        .run(&["show", "vfio7"], 0)
        .run(&["show", "vfio1"], 0)
        .run(&["show", "0000:00:06.0"], 0)
        .run(&["--json", "show", UUID_16M], 0)
        .compare("show.txt");
}

#[test]
fn what_is_no_place_cannot_be_shown() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["show", "mdev_nvme0/nothing"], 3)
        .run(&["show", "nobody/16m"], 3)
        .run(&["show", "83b8f4f2-509f-382f-3c1e-e6bfe0fa1fff"], 3)
        .run(&["show", "nothing"], 3)
        .run(&["show", "./sys/class"], 3)
        .run(&["show", "./nowhere"], 3)
        .run(&["show", "acme/1,model=a1"], 2)
        .run(&["show", ""], 2)
        .compare("show-nothing.txt");
}
