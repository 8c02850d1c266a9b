/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads; the types and functions to keep are chosen in Kbuild. */
#include <linux/anon_inodes.h>
#include <linux/crc32c.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/mdev.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vmalloc.h>
#include "helpers.h"
