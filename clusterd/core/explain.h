/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_EXPLAIN_H
#define CLU_CLUSTERD_CORE_EXPLAIN_H

/* Says what a role waits for, from the model alone: so every node gives the same answer. */

#include "clusterd/core/model.h"

/* true: something that is wanted cannot be done now, and the reason names what binds. */
bool role_explain_wait(const struct model *model, const struct role *role, char reason[REASON_BYTES]);

#endif
