// SPDX-License-Identifier: GPL-2.0

#include <linux/highmem.h>
#include <linux/mdev.h>
#include <linux/namei.h>
#include <linux/vfio.h>
#include "helpers.h"

void mdev_helper_put_vfio_device(struct vfio_device *vdev)
{
	vfio_put_device(vdev);
}

/* 10 lines in 5 s, and no line of its own about those left out. */
void mdev_helper_ratelimit_init(struct ratelimit_state *rs)
{
	ratelimit_state_init(rs, DEFAULT_RATELIMIT_INTERVAL, DEFAULT_RATELIMIT_BURST);
	ratelimit_set_flags(rs, RATELIMIT_MSG_ON_RELEASE);
}

/* Returns what was set before. */
bool mdev_helper_suppress_uevents(struct device *dev, bool suppress)
{
	bool before = dev_get_uevent_suppress(dev);

	dev_set_uevent_suppress(dev, suppress);
	return before;
}

unsigned int mdev_helper_kobject_refs(struct kobject *kobj)
{
	return kref_read(&kobj->kref);
}

bool mdev_helper_kobject_initialized(struct kobject *kobj)
{
	return kobj->state_initialized;
}

/* The last reference is gone: with this option its release runs later, from a work item. */
void mdev_helper_kobject_await_release(struct kobject *kobj)
{
#ifdef CONFIG_DEBUG_KOBJECT_RELEASE
	flush_delayed_work(&kobj->release);
#endif
}

/* Rust frees the memory, after mdev_helper_kobject_await_release(). */
static void released(struct kobject *kobj)
{
}

static const struct kobj_type plain_ktype = {
	.sysfs_ops = &kobj_sysfs_ops,
	.release = released,
};

int mdev_helper_kobject_add(struct kobject *kobj, struct kobject *parent, const char *name)
{
	return kobject_init_and_add(kobj, &plain_ktype, parent, "%s", name);
}

static void device_released(struct device *dev)
{
}

void mdev_helper_set_release(struct device *dev)
{
	dev->release = device_released;
}

/* As the caller's mount namespace sees it. */
bool mdev_helper_path_exists(const char *path)
{
	struct path found;

	if (kern_path(path, 0, &found))
		return false;
	path_put(&found);
	return true;
}

/* Bytes of a BAR that is memory without side effects and has an address, else 0. */
u64 mdev_helper_memory_bar(struct pci_dev *pdev, int bar)
{
	unsigned long wanted = IORESOURCE_MEM | IORESOURCE_PREFETCH;
	unsigned long looked_at = wanted | IORESOURCE_UNSET | IORESOURCE_DISABLED;

	if ((pci_resource_flags(pdev, bar) & looked_at) != wanted)
		return 0;
	return pci_resource_len(pdev, bar);
}

/* Memory of user space, which may change meanwhile. Within the page. */
void mdev_helper_copy_page(struct page *page, size_t offset, void *data, size_t len, bool write)
{
	if (write)
		memcpy_to_page(page, offset, data, len);
	else
		memcpy_from_page(data, page, offset, len);
}
