// SPDX-License-Identifier: GPL-2.0

//! `find`: what accepts, in which order, and the commands to create it.

use crate::golden::{run, Golden};
use crate::tree::{device_accepts, type_accepts, unknown_keys, version, Tree, UUID_16M, UUID_64M};

const MIB: u64 = 1 << 20;

#[test]
fn the_best_comes_first() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["find", &version("64m", 64 * MIB)], 0)
        .run(&["find", "--all", &version("16m", 64 * MIB)], 0)
        .run(&["find", UUID_64M, "--uuid", UUID_16M], 0)
        .compare("find.txt");
}

#[test]
fn a_whole_device_and_an_mdev_are_found_for_each_other() {
    let tree = Tree::host_with_whole(64 * MIB);
    Golden::new(tree.path())
        // What an mdev of another size than its type's states.
        .run(&["find", &version("16m", 64 * MIB)], 0)
        // A whole device of a size that is no type's, from this host and from another.
        .run(&["find", "0000:00:07.0"], 0)
        .run(&["find", &version("whole", 48 * MIB)], 0)
        .run(&["--json", "find", "mdev_nvme.whole.0"], 0)
        .compare("find-whole.txt");
}

#[test]
fn find_prints_json() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["--json", "find", &version("16m", 64 * MIB)], 0)
        .compare("find-json.txt");
}

#[test]
fn a_type_without_instances_ranks_last_and_says_so() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["find", &version("1g", 1024 * MIB)], 0)
        .compare("find-full.txt");
}

#[test]
fn only_an_interchangeable_type_makes_another_type_possible() {
    // All but the type fits, and no `x-like` names it.
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["find", "--all", &version("64m_local", 64 * MIB)], 4)
        .compare("find-not-like.txt");
}

#[test]
fn what_is_at_most_the_types_own_is_not_set() {
    let tree = Tree::host();
    let fewer = version("16m", 64 * MIB).replace("queues=16", "queues=4");
    Golden::new(tree.path())
        .run(&["find", &fewer], 0)
        .compare("find-at-most.txt");
}

#[test]
fn a_string_that_nothing_accepts_ends_with_4() {
    let tree = Tree::host();
    let string = version("16m", 17 * MIB);
    Golden::new(tree.path())
        .run(&["find", &string], 4)
        .run(&["find", "--all", &string], 4)
        .run(&["find", "--json", "other/1,anything"], 4)
        .compare("find-nothing.txt");
}

#[test]
fn a_text_that_is_no_version_string_is_no_question() {
    let tree = Tree::host();
    Golden::new(tree.path())
        .run(&["find", "="], 2)
        .run_with(&["find", "-"], b"acme/1,a=\x1b\n", 2)
        .run(&["find", "mdev_nvme0/64m_local"], 4)
        .run(&["find", "@missing"], 3)
        .run(&["find", "acme/1,a=b", "--uuid", "1"], 2)
        .compare("find-usage.txt");
}

#[test]
fn what_list_saved_is_found_on_another_host() {
    let (here, there) = (Tree::empty(), Tree::host());
    let saved = run(there.path(), &["list", "--json"], b"").stdout;
    here.file("host2.json", saved);
    Golden::new(here.path())
        .run(
            &["find", &version("64m", 64 * MIB), "--from", "host2.json"],
            0,
        )
        .compare("find-from-json.txt");
}

#[test]
fn saved_lines_are_places_too() {
    let tree = Tree::host();
    let text = format!(
        "# host3\n\n{}\nhost3 small {}\n  {}\nno line\nacme/1,a=\x1b\n{}\n",
        device_accepts(64 * MIB),
        type_accepts("16m", 16 * MIB, 1024 * MIB),
        type_accepts("64m", 64 * MIB, 1024 * MIB),
        version("64m", 64 * MIB),
    );
    tree.file("lines", text);
    Golden::new(tree.path())
        .run(
            &[
                "find",
                &version("64m", 64 * MIB),
                "--from",
                "lines",
                "--all",
            ],
            0,
        )
        .run(
            &[
                "find", UUID_64M, "--from", "lines", "--from", "lines", "--json",
            ],
            0,
        )
        .compare("find-from-lines.txt");
}

#[test]
fn files_that_are_no_places_are_errors() {
    let tree = Tree::host();
    tree.file(
        "broken.json",
        "{\"format\":1,\"places\":[{\"kind\":\"\u{1b}[2J\"}]}",
    );
    tree.file("newer.json", "{\"format\":2,\"places\":[]}");
    tree.file("none.json", "{\"format\":1,\"places\":[]}");
    let string = version("64m", 64 * MIB);
    Golden::new(tree.path())
        .run(&["find", &string, "--from", "missing"], 3)
        .run(&["find", &string, "--from", "broken.json"], 3)
        .run(&["find", &string, "--from", "newer.json"], 3)
        .run(&["find", &string, "--from", "none.json"], 4)
        .compare("find-from-errors.txt");
}

#[test]
fn hostile_names_reach_neither_terminal_nor_shell() {
    let tree = Tree::empty();
    let accepts = type_accepts("64m", 64 * MIB, 1024 * MIB);
    let place = |parent: &str, name: &str, version: &str| {
        format!(
            "{{\"kind\":\"type\",\"name\":\"{name}\",\"parent\":\"{parent}\",\"type\":\"t\",\"status\":\"migratable\",\"version\":\"{version}\",\"accepts\":\"{accepts}\"}}"
        )
    };
    let good = version("64m", 64 * MIB);
    let places = [
        place("$(reboot)", "\\u001b[2J\\u009b\\u202e", &good),
        place("-x", "b", &good),
        place("p0", "c", "a\\nb"),
        place("p0", "d", &good),
    ];
    tree.file(
        "evil.json",
        format!("{{\"format\":1,\"places\":[{}]}}", places.join(",")),
    );
    Golden::new(tree.path())
        .run(&["find", &good, "--from", "evil.json"], 0)
        .run(&["--json", "find", &good, "--from", "evil.json"], 0)
        .compare("find-hostile.txt");
}

#[test]
fn a_hostile_line_costs_no_time() {
    // As many fields as fit on both sides. Were an entry looked for in the text each time, this
    // would take minutes; the bound is generous for a slow machine.
    let tree = Tree::empty();
    let keys = unknown_keys(580);
    let accepts = format!("acme/1,model=a1{keys},state=1..1\n");
    tree.file("lines", accepts.repeat(5));
    let source = format!("acme/1,model=a1{keys},state=1");
    let started = std::time::Instant::now();
    let run = run(tree.path(), &["find", &source, "--from", "lines"], b"");
    assert_eq!(run.exit, 0, "{}", run.stderr);
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
