/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/domain_disk.h"

#include <assert.h>
#include <errno.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "clusterd/base/text.h"

static xmlNodePtr child_of(xmlNodePtr parent, const char *name)
{
        for (xmlNodePtr node = parent == NULL ? NULL : parent->children; node != NULL; node = node->next)
                if (node->type == XML_ELEMENT_NODE && text_equal((const char *)node->name, name))
                        return node;
        return NULL;
}

static bool copy_attribute(xmlNodePtr node, const char *name, char *text, size_t text_bytes)
{
        xmlChar *value = node == NULL ? NULL : xmlGetNoNsProp(node, (const xmlChar *)name);
        bool fits = value != NULL && strlen((const char *)value) < text_bytes;
        if (fits)
                text_copy(text, text_bytes, (const char *)value);
        xmlFree(value);
        return fits;
}

static bool has_attribute(xmlNodePtr node, const char *name, const char *value)
{
        char text[NAME_BYTES] = "";
        return copy_attribute(node, name, text, sizeof(text)) && text_equal(text, value);
}

static void read_disk(xmlNodePtr node, struct domain_disk *disk)
{
        *disk = (struct domain_disk){ .format = "raw" };
        xmlNodePtr mirror = child_of(node, "mirror");
        char device[NAME_BYTES] = "disk";
        (void)copy_attribute(node, "device", device, sizeof(device));
        (void)copy_attribute(child_of(node, "target"), "dev", disk->target, sizeof(disk->target));
        (void)copy_attribute(child_of(node, "source"), "file", disk->file, sizeof(disk->file));
        xmlNodePtr driver = child_of(node, "driver");
        (void)copy_attribute(driver, "type", disk->format, sizeof(disk->format));
        (void)copy_attribute(driver, "cache", disk->cache, sizeof(disk->cache));
        (void)copy_attribute(driver, "io", disk->io, sizeof(disk->io));
        (void)copy_attribute(driver, "discard", disk->discard, sizeof(disk->discard));
        (void)copy_attribute(driver, "detect_zeroes", disk->detect_zeroes, sizeof(disk->detect_zeroes));
        (void)copy_attribute(child_of(node, "alias"), "name", disk->alias, sizeof(disk->alias));
        (void)copy_attribute(child_of(mirror, "source"), "file", disk->mirror, sizeof(disk->mirror));
        disk->is_ready = has_attribute(mirror, "ready", "yes");
        disk->is_fixed = !text_equal(device, "disk") || disk->file[0] == '\0' || disk->target[0] == '\0' ||
                         child_of(node, "readonly") != NULL || child_of(node, "shareable") != NULL;
}

static xmlDocPtr parse(const char *text, size_t text_bytes)
{
        xmlDocPtr document = xmlReadMemory(text, (int)text_bytes, NULL, NULL,
                                           XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        assert(document != NULL);
        return document;
}

#define EACH_DISK(document, node)                                                                            \
        (xmlNodePtr node = devices_of(document)->children; node != NULL;                                     \
         node = node->next) if (node->type == XML_ELEMENT_NODE &&                                            \
                                text_equal((const char *)node->name, "disk"))

static xmlNodePtr devices_of(xmlDocPtr document)
{
        static xmlNode nothing;
        xmlNodePtr devices = child_of(xmlDocGetRootElement(document), "devices");
        return devices == NULL ? &nothing : devices;
}

int domain_disk_find(const char *text, size_t text_bytes, const char *target, struct domain_disk *ret_disk,
                     char ret_error[DISK_ERROR_BYTES])
{
        xmlDocPtr document = parse(text, text_bytes);
        char names[DISK_ERROR_BYTES / 2] = "";
        size_t count = 0;
        for
                EACH_DISK(document, node)
                {
                        struct domain_disk disk;
                        size_t used = strlen(names);
                        read_disk(node, &disk);
                        if (disk.is_fixed)
                                continue;
                        (void)snprintf(names + used, sizeof(names) - used, "%s%s", used > 0 ? ", " : "",
                                       disk.target);
                        if (target != NULL && !text_equal(disk.target, target))
                                continue;
                        *ret_disk = disk;
                        count++;
                }
        xmlFreeDoc(document);
        if (count == 1)
                return 0;
        (void)snprintf(ret_error, DISK_ERROR_BYTES, "%s%s: its disks in files of their own are %s",
                       target == NULL ? "which disk is to be moved? Name it with --disk"
                                      : "there is no disk ",
                       target == NULL ? "" : target, names[0] == '\0' ? "none" : names);
        return -ENOENT;
}

size_t domain_disks_read(const char *text, size_t text_bytes, struct domain_disk *ret_disks, size_t capacity)
{
        xmlDocPtr document = parse(text, text_bytes);
        size_t count = 0;
        for
                EACH_DISK(document, node)
                {
                        struct domain_disk disk;
                        read_disk(node, &disk);
                        if (disk.is_fixed)
                                continue;
                        if (count < capacity)
                                ret_disks[count] = disk;
                        count++;
                }
        xmlFreeDoc(document);
        return count;
}

static char *print(xmlDocPtr document) /* and frees it */
{
        xmlChar *dump = NULL;
        int count = 0;
        xmlDocDumpMemoryEnc(document, &dump, &count, "UTF-8");
        assert(dump != NULL && count > 0);
        char *text = strndup((const char *)dump, (size_t)count);
        assert(text != NULL);
        xmlFree(dump);
        xmlFreeDoc(document);
        return text;
}

char *domain_disk_replace(const char *text, size_t text_bytes, const char *target, const char *file)
{
        xmlDocPtr document = parse(text, text_bytes);
        for
                EACH_DISK(document, node)
                {
                        struct domain_disk disk;
                        read_disk(node, &disk);
                        if (!text_equal(disk.target, target))
                                continue;
                        (void)xmlSetProp(child_of(node, "source"), (const xmlChar *)"file",
                                         (const xmlChar *)file);
                        xmlNodePtr base = child_of(node, "backingStore");
                        if (base != NULL) {
                                xmlUnlinkNode(base);
                                xmlFreeNode(base);
                        }
                }
        return print(document);
}

static void set_default(xmlNodePtr node, const char *name, const char *value)
{
        if (xmlHasProp(node, (const xmlChar *)name) == NULL)
                (void)xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value);
}

static bool is_of_host(xmlNodePtr disk)
{
        xmlNodePtr source = child_of(disk, "source");
        char device[NAME_BYTES] = "disk";
        (void)copy_attribute(disk, "device", device, sizeof(device));
        return text_equal(device, "disk") && source != NULL &&
               (xmlHasProp(source, (const xmlChar *)"file") != NULL ||
                xmlHasProp(source, (const xmlChar *)"dev") != NULL);
}

char *domain_disks_stop_on_error(const char *text, size_t text_bytes)
{
        xmlDocPtr document = parse(text, text_bytes);
        for
                EACH_DISK(document, node)
                {
                        if (!is_of_host(node))
                                continue;
                        xmlNodePtr driver = child_of(node, "driver");
                        if (driver == NULL)
                                driver = xmlNewChild(node, NULL, (const xmlChar *)"driver", NULL);
                        assert(driver != NULL);
                        set_default(driver, "name", "qemu");
                        set_default(driver, "error_policy", "stop");
                        set_default(driver, "rerror_policy", "stop");
                }
        return print(document);
}

char *domain_disk_destination(const struct domain_disk *disk, const char *file)
{
        char *text = NULL;
        xmlChar *escaped = xmlEncodeEntitiesReentrant(NULL, (const xmlChar *)file);
        assert(escaped != NULL);
        int count = asprintf(&text, "<disk type='file'><driver type='%s'/><source file=\"%s\"/></disk>",
                             disk->format, (const char *)escaped);
        assert(count > 0);
        xmlFree(escaped);
        return text;
}
