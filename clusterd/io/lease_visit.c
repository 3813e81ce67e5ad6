/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/lease_visit.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "clusterd/io/host.h"
#include "clusterd/io/lease_file.h"

static int mark_write(int fd, uint8_t *buffer, const struct lease_area_id *area,
                      const struct lease_mark *mark)
{
        uint8_t written[RECORD_BYTES];
        lease_mark_encode(area, mark, buffer);
        memcpy(written, buffer, RECORD_BYTES);
        int error = lease_file_write(fd, MARK_SECTOR(mark->node), buffer);
        if (error == 0)
                error = lease_file_read(fd, MARK_SECTOR(mark->node), buffer, 1);
        return error == 0 && memcmp(written, buffer, RECORD_BYTES) != 0 ? -EIO : error;
}

static int mark_measure(int fd, uint8_t *buffer, const struct lease_area_id *area,
                        const struct lease_visit *visit, struct lease_visit_result *result)
{
        struct lease_mark mark = visit->mark;
        uint64_t begun_ms = clock_boot_ms();
        int error = 0;
        for (int i = 0; i < (visit->measure ? VISIT_WRITES : 1) && error == 0; i++, mark.sequence++)
                error = mark_write(fd, buffer, area, &mark);
        result->took_ms = (uint32_t)(clock_boot_ms() - begun_ms);
        return error == 0 && visit->measure && result->took_ms > VISIT_TOOK_MOST_MS ? -ETIME : error;
}

static int marks_look(int fd, uint8_t *buffer, const struct lease_area_id *area,
                      const struct lease_visit *visit, struct lease_visit_result *result)
{
        NODE_SET_EACH (visit->expected, node) {
                struct lease_mark mark;
                int error = lease_file_read(fd, MARK_SECTOR(node), buffer, 1);
                if (error != 0)
                        return error;
                if (lease_mark_decode(buffer, area, node, &mark) == SECTOR_VALID &&
                    mark.boot == visit->boots[node])
                        result->seen |= node_set_of(node);
        }
        return 0;
}

static int leases_look(int fd, uint8_t *buffer, const struct lease_area_id *area,
                       const struct lease_visit *visit, struct lease_visit_result *result)
{
        NODE_SET_EACH (visit->known, node) {
                struct lease_record record;
                int error = lease_file_read(fd, LEASE_SECTOR(node), buffer, 1);
                if (error != 0)
                        return error;
                if (lease_record_decode(buffer, area, node, &record) != SECTOR_VALID ||
                    record.state != LEASE_RECORD_HELD)
                        continue;
                result->held |= node_set_of(node);
                result->records[node] = (struct lease_record_id){ record.incarnation, record.sequence };
        }
        return 0;
}

int lease_visit_run(int fd, uint8_t *buffer, const struct lease_area_id *area,
                    const struct lease_visit *visit, struct lease_visit_result *result)
{
        struct statvfs space;
        int error = mark_measure(fd, buffer, area, visit, result);
        if (error == 0)
                error = marks_look(fd, buffer, area, visit, result);
        if (error == 0)
                error = leases_look(fd, buffer, area, visit, result);
        if (error == 0 && fstatvfs(fd, &space) != 0)
                error = -errno;
        if (error != 0)
                return error;
        result->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
        result->size_bytes = (uint64_t)space.f_blocks * space.f_frsize;
        return 0;
}
