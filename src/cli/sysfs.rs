// SPDX-License-Identifier: GPL-2.0

//! The places of this host, as sysfs has them.

use crate::exit::Failure;
use crate::output;
use crate::place::{is_uuid, read_node, Kind, Place, Status, ACCEPTS, VERSION};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The directory below a parent that holds its types.
const TYPES: &str = "mdev_supported_types";

/// A mounted sysfs, or a tree of files that looks like one.
pub(crate) struct Host {
    parents: PathBuf,
    devices: PathBuf,
    vfio: PathBuf,
    root: PathBuf,
}

impl Host {
    pub(crate) fn new(root: &Path) -> Self {
        Self {
            parents: root.join("class/mdev_bus"),
            devices: root.join("bus/mdev/devices"),
            vfio: root.join("class/vfio-dev"),
            root: root.to_owned(),
        }
    }

    /// Every type, every mdev device, and the whole devices that are migratable, in this order
    /// and sorted by name within each.
    pub(crate) fn places(&self) -> Result<Vec<Place>, Failure> {
        // Any of the three directories may be absent; if all of sysfs is, nothing is known.
        fs::read_dir(&self.root).map_err(|e| failure(&self.root, &e))?;
        let mut places = Vec::new();
        for parent in names(&self.parents)? {
            let types = self.parents.join(&parent).join(TYPES);
            for type_id in names(&types)? {
                places.extend(read_type(&types.join(&type_id), &parent, &type_id));
            }
        }
        let mut mdevs = BTreeSet::new();
        for uuid in names(&self.devices)? {
            let directory = self.devices.join(&uuid);
            // One that goes while it is looked at is no place any more.
            if let Ok(real) = fs::canonicalize(&directory) {
                places.extend(read_device(&directory, &real, &uuid));
                mdevs.insert(real);
            }
        }
        let mut whole = Vec::new();
        for vfio in names(&self.vfio)? {
            let directory = self.vfio.join(&vfio).join("device");
            let Ok(real) = fs::canonicalize(&directory) else {
                continue;
            };
            if !mdevs.contains(&real) {
                whole.extend(read_whole(&directory, &real));
            }
        }
        whole.retain(|place| place.status != Status::NotMigratable);
        whole.sort_by(|a, b| a.name.cmp(&b.name));
        places.append(&mut whole);
        Ok(places)
    }

    /// The place of a directory, whichever kind it is.
    pub(crate) fn at(&self, directory: &Path) -> Result<Place, Failure> {
        let real = fs::canonicalize(directory).map_err(|e| failure(directory, &e))?;
        let gone = || Failure::io(format!("{}: it has gone", output::path(directory)));
        let above = real.parent();
        if let Some(types) = above.filter(|a| a.ends_with(TYPES)) {
            let parent = types.parent().map(name_of).unwrap_or_default();
            return read_type(directory, &parent, &name_of(&real)).ok_or_else(gone);
        }
        if is_uuid(&name_of(&real)) && real.join("mdev_type").exists() {
            return read_device(directory, &real, &name_of(&real)).ok_or_else(gone);
        }
        let place = read_whole(directory, &real).ok_or_else(gone)?;
        if place.status == Status::NotMigratable && !has_vfio(&real) {
            return Err(Failure::io(format!(
                "{}: neither a type nor a device of VFIO, and it has no {VERSION}",
                output::path(directory)
            )));
        }
        Ok(place)
    }

    /// The mdev device of this UUID.
    pub(crate) fn device(&self, uuid: &str) -> Result<Place, Failure> {
        let directory = self.devices.join(uuid);
        if !directory.exists() {
            return Err(Failure::io(format!(
                "no mdev device {uuid} in {}",
                output::path(&self.devices)
            )));
        }
        self.at(&directory)
    }

    /// A type by its parent and its id, or by the id without the driver's prefix.
    pub(crate) fn type_of(&self, parent: &str, name: &str) -> Result<Place, Failure> {
        let types = self.parents.join(parent).join(TYPES);
        let known = names(&types)?;
        if known.is_empty() {
            return Err(Failure::io(format!(
                "no parent `{}` with types in {} (a line has a comma; give a path as ./PATH)",
                output::text(parent),
                output::path(&self.parents)
            )));
        }
        let mut fits = known.iter().filter(|id| {
            id.strip_suffix(name)
                .is_some_and(|prefix| prefix.ends_with('-'))
        });
        let id = match known.iter().find(|id| *id == name) {
            Some(id) => id,
            None => match (fits.next(), fits.next()) {
                (Some(id), None) => id,
                _ => {
                    return Err(Failure::io(format!(
                        "parent {} has no type `{}`, but: {}",
                        output::text(parent),
                        output::text(name),
                        output::text(&known.join(" "))
                    )))
                }
            },
        };
        self.at(&types.join(id))
    }

    /// A device of VFIO by its own name, by its VFIO name, or by the name of what it is a part of.
    pub(crate) fn vfio_device(&self, name: &str) -> Result<Place, Failure> {
        let mut part_of_it = None;
        for vfio in names(&self.vfio)? {
            let directory = self.vfio.join(&vfio).join("device");
            let real = fs::canonicalize(&directory).unwrap_or_default();
            if vfio == name || name_of(&real) == name {
                return self.at(&directory);
            }
            if owner(&real).is_some_and(|owner| owner == name) {
                part_of_it = Some(directory);
            }
        }
        if let Some(directory) = part_of_it {
            return self.at(&directory);
        }
        Err(Failure::io(format!(
            "no device of VFIO is called `{}` in {} (to have it judged as a line, give it on standard input)",
            output::text(name),
            output::path(&self.vfio)
        )))
    }
}

fn read_type(directory: &Path, parent: &str, type_id: &str) -> Option<Place> {
    let mut place = Place::new(Kind::Type, format!("{parent}/{type_id}"));
    place.parent = Some(parent.to_owned());
    place.type_id = Some(type_id.to_owned());
    place.title = attribute(directory, "name");
    place.description = attribute(directory, "description");
    place.device_api = attribute(directory, "device_api");
    place.available_instances =
        attribute(directory, "available_instances").and_then(|text| text.parse().ok());
    finish(place, directory)
}

fn read_device(directory: &Path, real: &Path, uuid: &str) -> Option<Place> {
    let mut place = Place::new(Kind::Device, uuid.to_owned());
    place.parent = real.parent().map(name_of);
    place.type_id = fs::canonicalize(directory.join("mdev_type"))
        .ok()
        .map(|t| name_of(&t));
    finish(place, directory)
}

fn read_whole(directory: &Path, real: &Path) -> Option<Place> {
    let mut place = Place::new(Kind::Whole, name_of(real));
    place.parent = owner(real);
    finish(place, directory)
}

/// The name of the device that another one on the auxiliary bus is a part of: a driver that offers
/// a device of another bus whole puts it on such a child.
fn owner(real: &Path) -> Option<String> {
    let bus = fs::canonicalize(real.join("subsystem")).ok()?;
    (name_of(&bus) == "auxiliary")
        .then(|| real.parent().map(name_of))
        .flatten()
}

/// Whether a device of VFIO belongs to this directory. The class's own directory has one of the
/// same name, but its devices are others'.
fn has_vfio(real: &Path) -> bool {
    let own = real.join("vfio-dev");
    names(&own).unwrap_or_default().iter().any(|vfio| {
        fs::canonicalize(own.join(vfio).join("device")).is_ok_and(|device| device == real)
    })
}

/// Reads the two nodes; `None` if the directory has gone meanwhile, as its nodes' absence says
/// nothing then.
fn finish(mut place: Place, directory: &Path) -> Option<Place> {
    place.path = Some(directory.to_string_lossy().into_owned());
    place.read_nodes(directory);
    directory.is_dir().then_some(place)
}

/// A one-line attribute that only informs.
fn attribute(directory: &Path, name: &str) -> Option<String> {
    read_node(&directory.join(name)).ok().flatten()
}

fn name_of(path: &Path) -> String {
    path.file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default()
}

/// The entries of a directory, sorted; none if it is not there.
fn names(directory: &Path) -> Result<Vec<String>, Failure> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) => return Err(failure(directory, &e)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| failure(directory, &e))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

fn failure(path: &Path, error: &std::io::Error) -> Failure {
    Failure::io(format!("{}: {error}", output::path(path)))
}

/// Whether a path names one of the two nodes of a place.
pub(crate) fn is_node(path: &Path) -> bool {
    path.file_name()
        .is_some_and(|n| n == VERSION || n == ACCEPTS)
}
