/* SPDX-License-Identifier: GPL-2.0 */
/* Inline functions and macros of C that the framework needs, as functions. */
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/ratelimit.h>

int mdev_helper_text_get(void);
void mdev_helper_text_put(void);
void mdev_helper_put_vfio_device(struct vfio_device *vdev);
void mdev_helper_without_power(struct device *dev);
void mdev_helper_ratelimit_init(struct ratelimit_state *rs);
bool mdev_helper_suppress_uevents(struct device *dev, bool suppress);
unsigned int mdev_helper_kobject_refs(struct kobject *kobj);
bool mdev_helper_kobject_initialized(struct kobject *kobj);
void mdev_helper_kobject_await_release(struct kobject *kobj);
void mdev_helper_quiesce(void);
int mdev_helper_number_get(void);
void mdev_helper_number_put(unsigned int number);
int mdev_helper_kobject_add(struct kobject *kobj, struct kobject *parent, const char *name);
void mdev_helper_set_release(struct device *dev);
bool mdev_helper_class_exists(const char *name);
u64 mdev_helper_memory_bar(struct pci_dev *pdev, int bar);
void *mdev_helper_map_bar(struct pci_dev *pdev, int bar);
void mdev_helper_unmap_bar(struct pci_dev *pdev, int bar, void *base);
void mdev_helper_copy_page(struct page *page, size_t offset, void *data, size_t len, bool write);
void *mdev_helper_alloc_shared(size_t len);
void mdev_helper_free_shared(void *memory);
void mdev_helper_copy_shared(void *to, const void *from, size_t len);
struct task_struct *mdev_helper_start_thread(int (*run)(void *), void *data, const char *device);
void mdev_helper_breathe(void);
bool mdev_helper_is_leaving(void);
void mdev_helper_wake_up(struct task_struct *task);
struct mem_cgroup *mdev_helper_current_memcg(void);
struct mem_cgroup *mdev_helper_set_active_memcg(struct mem_cgroup *memcg);
struct mm_struct *mdev_helper_current_mm(void);
struct mm_struct *mdev_helper_current_mm_grab(void);
bool mdev_helper_use_mm(struct mm_struct *mm);
void mdev_helper_unuse_mm(struct mm_struct *mm);
int mdev_helper_dma_rw(struct vfio_device *vdev, dma_addr_t iova, void *data, size_t len, bool write,
		       bool *near);
void mdev_helper_mm_drop(struct mm_struct *mm);
void mdev_helper_put_memcg(struct mem_cgroup *memcg);
void *mdev_helper_alloc_frame(void);
void mdev_helper_copy_frame(void *to, const void *from);
unsigned long mdev_helper_lend_to_user(void __user *to, const void *from, size_t len);
