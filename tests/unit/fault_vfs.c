/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/fault_vfs.h"

#include <sqlite3.h>
#include <stdatomic.h>
#include <string.h>

/* sqlite's interface has no place for a context in every call: one disk per process. */
static struct {
        sqlite3_vfs vfs;
        sqlite3_vfs *real;
        sqlite3_io_methods methods;
        atomic_uint calls, first, length, hits;
        atomic_int code;
} disk;

struct fault_file {
        sqlite3_file base;
        sqlite3_file real[]; /* the real one's bytes */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
        return ((struct fault_file *)(void *)file)->real;
}

static int fault(void)
{
        unsigned call = atomic_fetch_add(&disk.calls, 1) + 1;
        unsigned first = atomic_load(&disk.first);
        if (first == 0 || call < first || call - first >= atomic_load(&disk.length))
                return SQLITE_OK;
        atomic_fetch_add(&disk.hits, 1);
        return atomic_load(&disk.code);
}

void fault_vfs_arm(uint32_t countdown, uint32_t length, int code)
{
        atomic_store(&disk.first, 0);
        atomic_store(&disk.calls, 0);
        atomic_store(&disk.hits, 0);
        atomic_store(&disk.length, length);
        atomic_store(&disk.code, code);
        atomic_store(&disk.first, countdown);
}

void fault_vfs_disarm(void)
{
        atomic_store(&disk.first, 0);
}

uint32_t fault_vfs_hits(void)
{
        return atomic_load(&disk.hits);
}

static int file_close(sqlite3_file *file)
{
        return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *data, int bytes, sqlite3_int64 at)
{
        return real_of(file)->pMethods->xRead(real_of(file), data, bytes, at);
}

/* A write that fails has written half, as disks do. */
static int file_write(sqlite3_file *file, const void *data, int bytes, sqlite3_int64 at)
{
        int code = fault();
        if (code == SQLITE_OK)
                return real_of(file)->pMethods->xWrite(real_of(file), data, bytes, at);
        real_of(file)->pMethods->xWrite(real_of(file), data, bytes / 2, at);
        return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 bytes)
{
        int code = fault();
        return code != SQLITE_OK ? code : real_of(file)->pMethods->xTruncate(real_of(file), bytes);
}

static int file_sync(sqlite3_file *file, int flags)
{
        int code = fault();
        return code != SQLITE_OK ? code : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int file_size(sqlite3_file *file, sqlite3_int64 *bytes)
{
        return real_of(file)->pMethods->xFileSize(real_of(file), bytes);
}

static int file_lock(sqlite3_file *file, int level)
{
        return real_of(file)->pMethods->xLock(real_of(file), level);
}

static int file_unlock(sqlite3_file *file, int level)
{
        return real_of(file)->pMethods->xUnlock(real_of(file), level);
}

static int file_check_lock(sqlite3_file *file, int *ret_held)
{
        return real_of(file)->pMethods->xCheckReservedLock(real_of(file), ret_held);
}

static int file_control(sqlite3_file *file, int what, void *argument)
{
        return real_of(file)->pMethods->xFileControl(real_of(file), what, argument);
}

static int file_sector(sqlite3_file *file)
{
        return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_device(sqlite3_file *file)
{
        return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int page, int bytes, int extend, void volatile **ret_memory)
{
        return real_of(file)->pMethods->xShmMap(real_of(file), page, bytes, extend, ret_memory);
}

static int file_shm_lock(sqlite3_file *file, int at, int count, int flags)
{
        return real_of(file)->pMethods->xShmLock(real_of(file), at, count, flags);
}

static void file_shm_barrier(sqlite3_file *file)
{
        real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int unlink)
{
        return real_of(file)->pMethods->xShmUnmap(real_of(file), unlink);
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *ret_flags)
{
        (void)vfs;
        file->pMethods = NULL;
        int code = disk.real->xOpen(disk.real, path, real_of(file), flags, ret_flags);
        if (real_of(file)->pMethods != NULL)
                file->pMethods = &disk.methods;
        return code;
}

void fault_vfs_install(void)
{
        disk.real = sqlite3_vfs_find(NULL);
        disk.vfs = *disk.real;
        disk.vfs.zName = "fault";
        disk.vfs.szOsFile = (int)sizeof(struct fault_file) + disk.real->szOsFile;
        disk.vfs.xOpen = vfs_open;
        disk.methods = (sqlite3_io_methods){
                2,           file_close,   file_read,     file_write,       file_truncate,  file_sync,
                file_size,   file_lock,    file_unlock,   file_check_lock,  file_control,   file_sector,
                file_device, file_shm_map, file_shm_lock, file_shm_barrier, file_shm_unmap, NULL,
                NULL
        };
        sqlite3_vfs_register(&disk.vfs, 1);
}
