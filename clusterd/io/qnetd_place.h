/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QNETD_PLACE_H
#define CLU_CLUSTERD_IO_QNETD_PLACE_H

/* Where a qnetd is, as operators write it. */

#include <stdint.h>

#include "clusterd/base/limits.h"

/* HOST or HOST:PORT, or [ADDRESS]:PORT. *ret_port: 0, if none is named. 0; -EINVAL. */
int qnetd_place_parse(const char *place, char ret_host[ADDRESS_BYTES], uint16_t *ret_port);

#endif
