/* SPDX-License-Identifier: GPL-2.0 */
/* What bindgen reads; the types and functions to keep are chosen in Kbuild. */
#include <linux/mdev.h>
#include <linux/vfio.h>
#include "helpers.h"
