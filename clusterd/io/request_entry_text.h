/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_REQUEST_ENTRY_TEXT_H
#define CLU_CLUSTERD_IO_REQUEST_ENTRY_TEXT_H

/* Ledger entries in words: one sentence each, with names instead of ids. */

#include "clusterd/core/model.h"
#include "clusterd/protocol/message.h"

#define ENTRY_TEXT_BYTES 640

/* What the entry orders or reports. Nothing secret of a fence device is in it. */
void entry_text(const struct entry *entry, const struct model *model, char text[ENTRY_TEXT_BYTES]);

/* "n1 n2 n3", "none" when empty. */
void node_set_text(node_set set, const struct model *model, char *text, size_t text_bytes);

#endif
