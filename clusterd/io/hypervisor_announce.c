/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"
#include "clusterd/io/log.h"

/* RARP for every network card, five times within a second or so: switches learn by the first that gets
 * through. Source: QEMU's QMP reference, announce-self. */
#define ANNOUNCE_SELF                                                                                        \
        "{\"execute\":\"announce-self\",\"arguments\":"                                                      \
        "{\"initial\":50,\"max\":550,\"rounds\":5,\"step\":100}}"

static void announce(const char *role, virConnectPtr connection)
{
        char text[REASON_BYTES] = "";
        char *answer = NULL;
        virDomainPtr domain = virDomainLookupByName(connection, role);
        if (domain == NULL || virDomainQemuMonitorCommand(domain, ANNOUNCE_SELF, &answer, 0) < 0)
                connection_error(text);
        if (text[0] != '\0')
                log_warning("cannot announce the guest to its networks: %s" QB_XS " role=%s", text, role);
        free(answer);
        if (domain != NULL)
                (void)virDomainFree(domain);
}

void announce_step(struct task *task)
{
        virConnectPtr connection = connection_open_for(task);
        if (connection != NULL)
                announce(task->role, connection);
        connection_close(connection);
        hypervisor_lock(task->hypervisor);
        task->is_answered = true;
        hypervisor_unlock(task->hypervisor);
}
