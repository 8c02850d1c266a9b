// SPDX-License-Identifier: GPL-2.0

#include <linux/cgroup.h>
#include <linux/completion.h>
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/idr.h>
#include <linux/instrumented.h>
#include <linux/interval_tree.h>
#include <linux/kernfs.h>
#include <linux/kmsan-checks.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vmalloc.h>
#include "helpers.h"
/* What the Rust side takes the layout of the types of mdev and VFIO to be. */
#include "layout_generated.inc"

#if IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
/* Where iova_bitmap_set() is exported to. */
MODULE_IMPORT_NS("IOMMUFD");
#endif

#if defined(CONFIG_PREEMPTION) && !defined(CONFIG_TASKS_RCU)
/* synchronize_rcu_tasks() would not wait for tasks that were preempted. */
#error "A preemptible kernel needs CONFIG_TASKS_RCU, which CONFIG_BPF_SYSCALL selects."
#endif

/*
 * Waits until every task has left the code that it is running now: it has slept, or has returned
 * to user space. For callbacks which have said that they are done, and never sleep after that.
 */
void mdev_helper_quiesce(void)
{
	synchronize_rcu_tasks();
}

static DEFINE_MUTEX(text_lock);
static unsigned int text_users;

/*
 * The module's exit has run, or its init has failed: nobody is left to undo anything. What is
 * still registered would call code that is about to be freed. A BUG ends the task that unloads the
 * module, and the code stays.
 */
static int text_going(struct notifier_block *nb, unsigned long state, void *module)
{
	if (state != MODULE_STATE_GOING || module != THIS_MODULE)
		return NOTIFY_DONE;
	pr_emerg("%s: a value that is still registered was never dropped: the module stays\n",
		 THIS_MODULE->name);
	BUG();
}

static struct notifier_block text_notifier = {
	.notifier_call = text_going,
};

/* Counts what refers to the module's code or data and is not counted by a module reference. */
int mdev_helper_text_get(void)
{
	int ret = 0;

	mutex_lock(&text_lock);
	if (!text_users)
		ret = register_module_notifier(&text_notifier);
	if (!ret)
		text_users++;
	mutex_unlock(&text_lock);
	return ret;
}

void mdev_helper_text_put(void)
{
	bool last;

	mutex_lock(&text_lock);
	last = !--text_users;
	if (last)
		unregister_module_notifier(&text_notifier);
	mutex_unlock(&text_lock);
	if (last)
		mdev_helper_quiesce();
}

void mdev_helper_put_vfio_device(struct vfio_device *vdev)
{
	vfio_put_device(vdev);
}

/* Before the device is added. */
void mdev_helper_without_power(struct device *dev)
{
	device_set_pm_not_required(dev);
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

static DEFINE_IDA(numbers);

/* The lowest number that is free in this module, or an errno. */
int mdev_helper_number_get(void)
{
	return ida_alloc_max(&numbers, INT_MAX, GFP_KERNEL);
}

void mdev_helper_number_put(unsigned int number)
{
	ida_free(&numbers, number);
}

/*
 * Looks into sysfs itself: what is mounted where the caller is does not matter. /sys/kernel is
 * never moved, and neither are its parent, which is the root, and /sys/class.
 */
bool mdev_helper_class_exists(const char *name)
{
	struct kernfs_node *root = rcu_dereference_protected(kernel_kobj->sd->__parent, true);
	struct kernfs_node *classes = kernfs_find_and_get(root, "class");
	struct kernfs_node *found = classes ? kernfs_find_and_get(classes, name) : NULL;

	kernfs_put(found);
	kernfs_put(classes);
	return found;
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

/* Makes a BAR that mdev_helper_memory_bar() knows ours, and maps all of it write-combining. */
void *mdev_helper_map_bar(struct pci_dev *pdev, int bar)
{
	void __iomem *base;
	int ret = pci_enable_device_mem(pdev);

	if (ret)
		return ERR_PTR(ret);
	ret = pci_request_region(pdev, bar, KBUILD_MODNAME);
	if (ret)
		goto disable;
	base = pci_iomap_wc(pdev, bar, 0);
	if (base)
		return (__force void *)base;
	ret = -ENOMEM;
	pci_release_region(pdev, bar);
disable:
	pci_disable_device(pdev);
	return ERR_PTR(ret);
}

void mdev_helper_unmap_bar(struct pci_dev *pdev, int bar, void *base)
{
	pci_iounmap(pdev, (void __iomem *)base);
	pci_release_region(pdev, bar);
	pci_disable_device(pdev);
}

/* Memory of user space, which may change meanwhile. Within the page. */
void mdev_helper_copy_page(struct page *page, size_t offset, void *data, size_t len, bool write)
{
	if (write)
		memcpy_to_page(page, offset, data, len);
	else
		memcpy_from_page(data, page, offset, len);
}

/* Memory of zeroes that can be mapped into user space; mappings keep its pages by themselves. */
void *mdev_helper_alloc_shared(size_t len)
{
	return vmalloc_user(len);
}

void mdev_helper_free_shared(void *memory)
{
	vfree(memory);
}

/*
 * Copies many bytes by one instruction, as the kernel's copies to user space do on any processor, from
 * as many bytes on (rep_movs_alternative). Its memcpy() does so with FSRM alone, and copy_page() by the
 * processor's model.
 */
static __always_inline void copy_long(void *to, const void *from, size_t len)
{
#ifdef CONFIG_X86_64
	if (len >= 64) {
		size_t words = len / sizeof(u64);

		instrument_read(from, len);
		instrument_write(to, len);
		kmsan_unpoison_memory(to, len);
		len %= sizeof(u64);
		asm volatile("rep movsq" : "+D" (to), "+S" (from), "+c" (words) : : "memory");
	}
#endif
	memcpy(to, from, len);
}

/* Memory that user space may have mapped, on either side, and may change meanwhile. */
void mdev_helper_copy_shared(void *to, const void *from, size_t len)
{
	copy_long(to, from, len);
}

/* What a new thread is told; on the stack of who starts it, until `done`. */
struct thread_start {
	int (*run)(void *data);
	void *data;
	struct task_struct *owner;
	struct completion done;
	int ret;
};

/*
 * The thread joins the groups by itself: the kernel may do what an unprivileged user may not, such
 * as to move a thread of the kernel into a group that is bound to some processors.
 */
static int thread_main(void *arg)
{
	struct thread_start *start = arg;
	int (*run)(void *data) = start->run;
	void *data = start->data;
	int ret = cgroup_attach_task_all(start->owner, current);

	/* So that somebody who leaves can end a wait for user memory, see mdev_helper_wake_up(). */
	allow_kernel_signal(SIGKILL);
	start->ret = ret;
	complete(&start->done);
	return ret ?: run(data);
}

/* A thread in the control groups of the caller, and a reference to it. */
struct task_struct *mdev_helper_start_thread(int (*run)(void *), void *data, const char *device)
{
	struct thread_start start = { .run = run, .data = data, .owner = current };
	struct task_struct *task = kthread_create(thread_main, &start, "mdev-%.8s", device);

	if (IS_ERR(task))
		return task;
	init_completion(&start.done);
	get_task_struct(task);
	wake_up_process(task);
	wait_for_completion(&start.done);
	if (start.ret) {
		kthread_stop_put(task);
		return ERR_PTR(start.ret);
	}
	return task;
}

/*
 * Lets others run. A thread that always has work never sleeps; without this, who waits until each
 * task has left the code that it is running would wait for as long.
 */
void mdev_helper_breathe(void)
{
	cond_resched_tasks_rcu_qs();
	if (signal_pending(current))
		flush_signals(current);
}

/* Whether the caller will not go on in user space: nobody is left then who could answer a wait. */
bool mdev_helper_is_leaving(void)
{
	return (current->flags & (PF_EXITING | PF_KTHREAD)) || fatal_signal_pending(current);
}

/* Ends the wait of a thread for user memory that does not answer. */
void mdev_helper_wake_up(struct task_struct *task)
{
	send_sig(SIGKILL, task, 1);
}

struct mem_cgroup *mdev_helper_current_memcg(void)
{
	return get_mem_cgroup_from_mm(current->mm);
}

struct mm_struct *mdev_helper_current_mm(void)
{
	return current->mm;
}

/* Keeps the structure, not what is mapped: its address is no other's until it is dropped. */
struct mm_struct *mdev_helper_current_mm_grab(void)
{
	if (current->mm)
		mmgrab(current->mm);
	return current->mm;
}

/* In a thread of the kernel that has no address space. Whether what is mapped is still there. */
bool mdev_helper_use_mm(struct mm_struct *mm)
{
	if (!mm || !mmget_not_zero(mm))
		return false;
	kthread_use_mm(mm);
	return true;
}

void mdev_helper_unuse_mm(struct mm_struct *mm)
{
	kthread_unuse_mm(mm);
	mmput(mm);
}

/*
 * VFIO accesses guest memory in the address space that it was mapped in, which a thread of the
 * kernel without one may take on. One that has taken on another tries without. `near`: whether the
 * one that it has is the right one.
 */
int mdev_helper_dma_rw(struct vfio_device *vdev, dma_addr_t iova, void *data, size_t len, bool write,
		       bool *near)
{
	int ret = vfio_dma_rw(vdev, iova, data, len, write);
	struct mm_struct *mm = current->mm;

	*near = !ret && mm;
	if (ret && (current->flags & PF_KTHREAD) && mm && !signal_pending(current)) {
		kthread_unuse_mm(mm);
		ret = vfio_dma_rw(vdev, iova, data, len, write);
		kthread_use_mm(mm);
	}
	return ret;
}

void mdev_helper_mm_drop(struct mm_struct *mm)
{
	if (mm)
		mmdrop(mm);
}

/* Returns what was set before. */
struct mem_cgroup *mdev_helper_set_active_memcg(struct mem_cgroup *memcg)
{
	return set_active_memcg(memcg);
}

void mdev_helper_put_memcg(struct mem_cgroup *memcg)
{
	mem_cgroup_put(memcg);
}

/* Whole pages are most of what is ever moved. */
void mdev_helper_copy_frame(void *to, const void *from)
{
	copy_long(to, from, PAGE_SIZE);
}

/*
 * What could not be copied, all or nothing. A function of our own, as the kernel's cannot be traced: that
 * what is lent takes this way shows nowhere else but in the time that it takes.
 */
unsigned long mdev_helper_lend_to_user(void __user *to, const void *from, size_t len)
{
	return copy_to_user_nofault(to, from, len) ? len : 0;
}

/*
 * A page of zeroes, charged. Fails rather than to have something killed, in the group that pays or
 * anywhere.
 */
void *mdev_helper_alloc_frame(void)
{
	gfp_t gfp = GFP_KERNEL_ACCOUNT | __GFP_ZERO | __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	return (void *)__get_free_page(gfp);
}
