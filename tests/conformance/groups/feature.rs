// SPDX-License-Identifier: GPL-2.0

//! The FEATURE ioctl of the v2 protocol: sizes, flags, numbers, pointers, and what the core lets by.

use crate::{
    case::{enter, enter_with_file, must, v2_flags, Case, Done, Stop, Test},
    device::{self, named, Device, FEATURE, GET, MIG_STATE, PROBE, SET},
    sys::{self, Pages, Plain, PAGE},
    table,
};
use nix::{
    errno::Errno,
    sys::resource::{getrlimit, setrlimit, Resource},
};
use std::os::fd::AsFd;
use vfio_bindings::bindings::vfio as uapi;
use vfio_client::log;

/// The tests of this group.
pub(crate) const TESTS: &[Test] = &[
    Test::new(
        "feature.flags",
        "MIGRATION says STOP_COPY and nothing unknown, PRE_COPY needs its mandatory info",
        flags,
    ),
    Test::new(
        "feature.sizes",
        "argsz 0, 7, 8, 15 EINVAL; 16, 17 and 4 GiB succeed",
        sizes,
    ),
    Test::new(
        "feature.unknown-flags",
        "unknown flag bits, GET with SET, neither: EINVAL",
        unknown_flags,
    ),
    Test::new(
        "feature.probe",
        "PROBE of every migration feature tells the operations that it has",
        probe,
    ),
    Test::new(
        "feature.probe-all",
        "PROBE of every other number is ENOTTY or 0, nothing else",
        probe_all,
    ),
    Test::new(
        "feature.absent",
        "without the MIGRATION feature all others of it are ENOTTY, logs included",
        absent,
    ),
    Test::new(
        "feature.bad-states",
        "states 0, 8 and 2^32-1 are EINVAL and change nothing",
        bad_states,
    ),
    Test::new(
        "feature.bad-pointers",
        "an argument that cannot be read is EFAULT and changes nothing",
        bad_pointers,
    ),
    Test::new(
        "feature.unwritable-argument",
        "EFAULT after the state moved: no fd is left, the state can be left",
        unwritable,
    ),
    Test::new(
        "feature.no-descriptor",
        "EMFILE after the state moved: the state can be left, and entered again",
        no_descriptor,
    ),
    Test::new(
        "feature.data-size",
        "MIG_DATA_SIZE is told in every state and never 0",
        data_size,
    ),
    Test::new(
        "feature.debugfs",
        "debugfs shows the state, with the device closed too",
        debugfs,
    ),
    Test::new(
        "feature.precopy-info-v2",
        "the opt-in to precopy info v2: no payload, SET only, PRE_COPY only",
        opt_in,
    ),
];

fn flags(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    case.check(flags & 1 != 0, || {
        format!("flags {flags:#x} lack STOP_COPY")
    });
    case.check(flags & !7 == 0, || {
        format!("flags {flags:#x} have unknown bits")
    });
    if table::has(table::PRE_COPY, flags) {
        let file = enter_with_file(&device, table::PRE_COPY)?;
        case.fine(
            "GET_PRECOPY_INFO",
            device::precopy_info(file.as_fd(), 24, 0),
        );
    }
    Ok(())
}

fn sizes(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    for argsz in [0, 7, 8, 15] {
        let answer = device.feature_sized(argsz, GET | MIG_STATE, &mut [0; 8]);
        case.refused(
            format!("GET of the state, argsz {argsz}"),
            answer,
            &[Errno::EINVAL],
        );
        let mut stop = uapi::vfio_device_feature_mig_state {
            device_state: table::STOP,
            data_fd: -1,
        }
        .bytes();
        let answer = device.feature_sized(argsz, SET | MIG_STATE, &mut stop);
        case.refused(
            format!("SET of the state, argsz {argsz}"),
            answer,
            &[Errno::EINVAL],
        );
    }
    case.equal(
        "state after refused requests",
        device.state(),
        Ok(table::RUNNING),
    );
    for argsz in [16, 17, 4096, u32::MAX] {
        let mut state = [0; 8];
        let answer = device.feature_sized(argsz, GET | MIG_STATE, &mut state);
        case.fine(format!("GET of the state, argsz {argsz}"), answer);
        case.equal(
            format!("state, argsz {argsz}"),
            u32::from_ne_bytes([state[0], state[1], state[2], state[3]]),
            table::RUNNING,
        );
    }
    Ok(())
}

fn unknown_flags(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    for bit in 19..32 {
        let answer = device.feature(GET | MIG_STATE | (1 << bit), &mut [0; 8]);
        case.refused(format!("flag bit {bit}"), answer, &[Errno::EINVAL]);
    }
    for number in [1, MIG_STATE, 9] {
        case.refused(
            format!("GET and SET of {number}"),
            device.feature(GET | SET | number, &mut [0; 8]),
            &[Errno::EINVAL],
        );
        case.refused(
            format!("neither GET nor SET of {number}"),
            device.feature(number, &mut [0; 8]),
            &[Errno::EINVAL],
        );
    }
    case.refused(
        "SET of MIGRATION",
        device.feature(SET | 1, &mut [0; 8]),
        &[Errno::EINVAL],
    );
    case.refused(
        "SET of MIG_DATA_SIZE",
        device.feature(SET | 9, &mut [0; 8]),
        &[Errno::EINVAL],
    );
    case.equal("state", device.state(), Ok(table::RUNNING));
    Ok(())
}

fn probe(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    for (number, has) in [(1, GET), (MIG_STATE, GET | SET), (9, GET)] {
        for ask in [GET, SET, GET | SET] {
            let answer = device.feature(PROBE | ask | number, &mut []);
            if ask & !has == 0 {
                case.fine(
                    format!("PROBE of {number}, operations {:#x}", ask >> 16),
                    answer,
                );
            } else {
                case.refused(
                    format!("PROBE of {number}, operations {:#x}", ask >> 16),
                    answer,
                    &[Errno::EINVAL],
                );
            }
        }
    }
    case.equal("state", device.state(), Ok(table::RUNNING));
    Ok(())
}

fn probe_all(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    let mut found = Vec::new();
    // All numbers with a meaning, their surroundings, and the ends of the range.
    let numbers = (0..=64)
        .chain((128..0x10000).step_by(509))
        .chain([0x7fff, 0x8000, 0xfffe, 0xffff]);
    for number in numbers.filter(|number| ![1, MIG_STATE, 9].contains(number)) {
        for ask in [GET, SET, GET | SET, 0] {
            match device.feature(PROBE | ask | number, &mut []) {
                Ok(()) => found.push((number, ask >> 16)),
                // EINVAL where it is known and lacks the operation.
                Err(errno) => case.check(
                    errno == Errno::ENOTTY || (number <= 13 && errno == Errno::EINVAL),
                    || format!("PROBE of {number}, operations {:#x}: {errno:?}", ask >> 16),
                ),
            }
        }
    }
    case.note(format!("features beside the migration's: {found:?}"));
    // A private feature on a number that the kernel takes next would change its meaning.
    case.check(found.iter().all(|(number, _)| *number <= 13), || {
        format!("private features: {found:?}")
    });
    Ok(())
}

fn absent(case: &mut Case<'_>) -> Done {
    let device = case.open()?;
    if v2_flags(&device).is_ok() {
        return Err(Stop::Skip("the device has it".to_owned()));
    }
    let others = [1, MIG_STATE, 9, log::START, log::STOP, log::REPORT];
    for number in others {
        for ask in [GET, SET, PROBE | GET, PROBE | SET] {
            let answer = device.feature(ask | number, &mut [0; 32]);
            case.refused(
                format!("feature {number}, {ask:#x}"),
                answer,
                &[Errno::ENOTTY],
            );
        }
    }
    // Of this one the kernel knows better than the device, and says that there is no PRE_COPY.
    case.refused(
        "the opt-in to precopy info v2",
        device.feature(SET | OPT_IN, &mut []),
        &[Errno::EINVAL, Errno::ENOTTY],
    );
    Ok(())
}

fn bad_states(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let absent = (0..table::COUNT).filter(|state| !table::has(*state, flags));
    for state in absent.chain([8, 9, 0x100, 0x8000_0002, u32::MAX]) {
        case.refused(
            format!("SET of {}", table::name(state)),
            device.set_state(state),
            &[Errno::EINVAL],
        );
        case.equal(
            format!("state after SET of {}", table::name(state)),
            device.state(),
            Ok(table::RUNNING),
        );
    }
    Ok(())
}

/// A whole request for a state.
fn state_request(argsz: u32, state: u32) -> Vec<u8> {
    let mut bytes = [argsz, SET | MIG_STATE]
        .iter()
        .flat_map(|word| word.to_ne_bytes())
        .collect::<Vec<_>>();
    bytes.extend(
        uapi::vfio_device_feature_mig_state {
            device_state: state,
            data_fd: -1,
        }
        .bytes(),
    );
    bytes
}

fn bad_pointers(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let pages = must("pages", Pages::new())?;
    let stop = state_request(16, table::STOP);
    let places = [
        ("null", 0),
        ("forbidden", pages.forbidden()),
        ("of the kernel", usize::MAX - PAGE + 1),
    ];
    for (place, address) in places {
        let answer = sys::ioctl_number(device.as_fd(), FEATURE, address as u64);
        case.refused(format!("argument {place}"), answer, &[Errno::EFAULT]);
    }
    for inside in [4, 8, 12, 15] {
        let address = pages.put_at_edge(&stop[..inside]);
        let answer = sys::ioctl_number(device.as_fd(), FEATURE, address as u64);
        case.refused(
            format!("{inside} bytes of a request before a forbidden page"),
            answer,
            &[Errno::EFAULT],
        );
    }
    let answer = sys::ioctl_number(device.as_fd(), FEATURE, (pages.forbidden() - 8) as u64);
    case.refused(
        "a header of zeroes before a forbidden page",
        answer,
        &[Errno::EINVAL],
    );
    case.equal("state", device.state(), Ok(table::RUNNING));
    Ok(())
}

fn unwritable(case: &mut Case<'_>) -> Done {
    let (device, _) = case.open_v2()?;
    let pages = must("pages", Pages::new())?;
    // The answer ends in the read-only page: the state is read whole and can be written in part.
    // The read-only page is all zeroes, so the descriptor is what lies there.
    let request = state_request(16, table::STOP_COPY);
    pages.put(PAGE - 12, &request[..12]);
    let before = descriptors();
    let answer = sys::ioctl_number(
        device.as_fd(),
        FEATURE,
        (pages.writable() + PAGE - 12) as u64,
    );
    case.refused(
        "SET of STOP_COPY, answer on a read-only page",
        answer,
        &[Errno::EFAULT],
    );
    case.equal("open descriptors", descriptors(), before);
    let state = device.state();
    // The interface lets it move; what counts is that the state can be left.
    case.note(format!("the state is {} now", named(state)));
    case.fine("SET of RUNNING", device.set_state(table::RUNNING));
    let file = enter_with_file(&device, table::STOP_COPY)?;
    case.fine("reading then", device::read_all(file.as_fd(), 4096, false));
    Ok(())
}

/// How many descriptors this process has.
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

fn no_descriptor(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    let (soft, hard) = must("getrlimit", getrlimit(Resource::RLIMIT_NOFILE))?;
    for state in [
        table::STOP_COPY,
        table::RESUMING,
        table::PRE_COPY,
        table::PRE_COPY_P2P,
    ] {
        if !table::has(state, flags) {
            continue;
        }
        let name = table::name(state);
        must("setrlimit", setrlimit(Resource::RLIMIT_NOFILE, 0, hard))?;
        let answer = device.set_state(state);
        must("setrlimit", setrlimit(Resource::RLIMIT_NOFILE, soft, hard))?;
        case.refused(
            format!("RUNNING -> {name} without a free descriptor"),
            answer,
            &[Errno::EMFILE],
        );
        case.note(format!("after it the state is {}", named(device.state())));
        // Leaving RESUMING would commit what was never written.
        let left = if state == table::RESUMING {
            device.reset().map(|()| None)
        } else {
            device.set_state(table::RUNNING)
        };
        case.fine(format!("leaving {name}"), left);
        case.equal(
            format!("state after leaving {name}"),
            device.state(),
            Ok(table::RUNNING),
        );
        let file = enter(&device, state)?;
        case.check(file.is_some(), || format!("{name} entered again: no file"));
        must("reset", device.reset())?;
    }
    Ok(())
}

fn data_size(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    for state in table::states(flags) {
        must("reset", device.reset())?;
        let _file = must(
            format!("-> {}", table::name(state)),
            device.set_state(state),
        )?;
        let size = case.fine(
            format!("MIG_DATA_SIZE in {}", table::name(state)),
            device.data_size(),
        );
        // A client's buffer has this size: 0 ends its migration.
        case.check(size != Some(0), || {
            format!("MIG_DATA_SIZE in {} is 0", table::name(state))
        });
    }
    must("reset", device.reset())?;
    let told = must("MIG_DATA_SIZE", device.data_size())?;
    let stream = crate::case::saved(&device)?;
    case.note(format!(
        "told {told} bytes, the stream has {}",
        stream.len()
    ));
    Ok(())
}

fn debugfs(case: &mut Case<'_>) -> Done {
    let path = format!(
        "/sys/kernel/debug/vfio/{}/migration/state",
        case.settings().target.name()
    );
    let read = || std::fs::read_to_string(&path).map(|text| text.trim().to_owned());
    if let Err(error) = read() {
        return Err(Stop::Skip(format!("{path}: {error}")));
    }
    let closed = read();
    case.check(closed.is_ok(), || {
        format!("with the device closed: {closed:?}")
    });
    let (device, flags) = case.open_v2()?;
    for state in table::states(flags) {
        must("reset", device.reset())?;
        let _file = must(
            format!("-> {}", table::name(state)),
            device.set_state(state),
        )?;
        let shown = read().unwrap_or_else(|error| error.to_string());
        case.equal("debugfs", shown, table::name(state));
    }
    // In a loop, during transitions.
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            (0..case.settings().rounds)
                .filter(|_| read().is_err())
                .count()
        });
        for _ in 0..case.settings().rounds {
            let _ = device.reset();
            let _ = device.set_state(table::STOP_COPY);
        }
        reader.join()
    })
    .map_or_else(
        |_| Err(Stop::Fail("the reader panicked".to_owned())),
        |failed| {
            case.equal("reads of debugfs that failed during transitions", failed, 0);
            Ok(())
        },
    )
}

const OPT_IN: u32 = uapi::VFIO_DEVICE_FEATURE_MIG_PRECOPY_INFOv2;

fn opt_in(case: &mut Case<'_>) -> Done {
    let (device, flags) = case.open_v2()?;
    match device.feature(PROBE | SET | OPT_IN, &mut []) {
        Err(Errno::ENOTTY) => {
            return Err(Stop::Skip("the kernel has no precopy info v2".to_owned()))
        }
        answer if table::has(table::PRE_COPY, flags) => drop(case.fine("PROBE", answer)),
        answer => {
            case.refused("PROBE without PRE_COPY", answer, &[Errno::EINVAL]);
            case.refused(
                "SET without PRE_COPY",
                device.feature(SET | OPT_IN, &mut []),
                &[Errno::EINVAL],
            );
            return Ok(());
        }
    }
    case.refused(
        "GET",
        device.feature(GET | OPT_IN, &mut []),
        &[Errno::EINVAL],
    );
    flags_untouched(case, &device, "before the opt-in")?;
    case.fine("SET", device.feature(SET | OPT_IN, &mut []));
    case.fine("SET again", device.feature(SET | OPT_IN, &mut []));
    let file = enter_with_file(&device, table::PRE_COPY)?;
    let info = case.fine(
        "GET_PRECOPY_INFO after",
        device::precopy_info(file.as_fd(), 24, u32::MAX),
    );
    // All bits went in: what comes back is the device's alone.
    let flags = info.map_or(0, |info| info.flags);
    case.check(flags & !uapi::VFIO_PRECOPY_INFO_REINIT == 0, || {
        format!("flags came back as {flags:#x}")
    });
    drop(file);
    drop(device);
    // The last close has ended it.
    let device = case.open()?;
    flags_untouched(case, &device, "after reopening")
}

/// Without the opt-in a client's flags come back as they went in: no bit is set for it, or cleared.
fn flags_untouched(case: &mut Case<'_>, device: &Device, when: &str) -> Done {
    let file = enter_with_file(device, table::PRE_COPY)?;
    for flags in [0, !uapi::VFIO_PRECOPY_INFO_REINIT, u32::MAX] {
        let what = format!("GET_PRECOPY_INFO {when}, flags {flags:#x}");
        if let Some(info) = case.fine(&what, device::precopy_info(file.as_fd(), 24, flags)) {
            case.equal(&what, info.flags, flags);
        }
    }
    must("-> RUNNING", device.set_state(table::RUNNING)).map(drop)
}
