/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/domain_definition.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/tree.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#define MEMORY_MIB_MAX (UINT64_C(64) * 1024 * 1024) /* 64 TiB: more than any host has */
#define CPUS_MAX       4096                         /* of QEMU's largest machine */
#define UUID_RAW_BYTES 16

/* Out of memory inside libxml2 looks like a broken document; the text then says so. */

struct reader {
        xmlParserCtxtPtr parser;
        xmlDocPtr document;
        bool saw_doctype;
        char *error; /* DEFINITION_ERROR_BYTES */
};

#define REFUSE(reader, ...)                                                                                  \
        __extension__({                                                                                      \
                (void)snprintf((reader)->error, DEFINITION_ERROR_BYTES, __VA_ARGS__);                        \
                -EINVAL;                                                                                     \
        })

static void reader_release(struct reader *reader)
{
        if (reader->document != NULL)
                xmlFreeDoc(reader->document);
        if (reader->parser != NULL)
                xmlFreeParserCtxt(reader->parser);
}

/* Entities can only be declared in a document type, so there may be none: nothing to expand, nothing to load.
 */
static void on_doctype(void *context, const xmlChar *name, const xmlChar *external_id,
                       const xmlChar *system_id)
{
        xmlParserCtxtPtr parser = context;
        struct reader *reader = parser->_private;
        (void)name;
        (void)external_id;
        (void)system_id;
        reader->saw_doctype = true;
        xmlStopParser(parser);
}

static int refuse_broken(struct reader *reader)
{
        const xmlError *error = xmlCtxtGetLastError(reader->parser);
        if (error == NULL || error->message == NULL)
                return REFUSE(reader, "not well-formed XML");
        return REFUSE(reader, "line %d: not well-formed XML: %.*s", error->line,
                      (int)strcspn(error->message, "\n"), error->message);
}

static int reader_parse(struct reader *reader, const char *text, size_t text_bytes)
{
        if (memchr(text, 0, text_bytes) != NULL)
                return REFUSE(reader, "not a text: it holds a zero byte (is it UTF-16? save it as UTF-8)");
        reader->parser = xmlNewParserCtxt();
        assert(reader->parser != NULL);
        reader->parser->_private = reader;
        reader->parser->sax->internalSubset = on_doctype;
        reader->document = xmlCtxtReadMemory(reader->parser, text, (int)text_bytes, NULL, NULL,
                                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
        if (reader->saw_doctype)
                return REFUSE(reader, "line %d: a document type (<!DOCTYPE ...>) is not accepted: remove it",
                              xmlSAX2GetLineNumber(reader->parser));
        return reader->document == NULL ? refuse_broken(reader) : 0;
}

static bool is_element(const xmlNode *node, const char *name)
{
        return node->type == XML_ELEMENT_NODE && node->ns == NULL &&
               text_equal((const char *)node->name, name);
}

/* Twice is refused: two readers could each believe another one. */
static int find_child(struct reader *reader, const xmlNode *parent, const char *name, xmlNodePtr *ret_child)
{
        xmlNodePtr found = NULL;
        for (xmlNodePtr node = parent->children; node != NULL; node = node->next) {
                if (!is_element(node, name))
                        continue;
                if (found != NULL)
                        return REFUSE(reader, "line %ld: a second <%s>: keep one", xmlGetLineNo(node), name);
                found = node;
        }
        *ret_child = found;
        return 0;
}

/* The element's text without surrounding space; given, or NULL if it has none. */
static char *node_text(xmlNodePtr node)
{
        xmlChar *content = xmlNodeGetContent(node);
        assert(content != NULL);
        char *first = (char *)content;
        while (isspace((unsigned char)*first))
                first++;
        size_t length = strlen(first);
        while (length > 0 && isspace((unsigned char)first[length - 1]))
                length--;
        char *text = length == 0 ? NULL : strndup(first, length);
        xmlFree(content);
        return text;
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
        if (text == NULL || strlen(text) > 20 || strspn(text, "0123456789") != strlen(text))
                return false;
        errno = 0;
        unsigned long long number = strtoull(text, NULL, 10);
        if (errno != 0)
                return false;
        *ret_number = number;
        return true;
}

/* Source: libvirt's formatdomain, "Memory Allocation": KiB unless said otherwise. */
static bool unit_bytes(const char *unit, uint64_t *ret_bytes)
{
        static const struct {
                const char *name;
                uint64_t bytes;
        } units[] = {
                { "b", 1 },
                { "bytes", 1 },
                { "KB", 1000 },
                { "k", 1024 },
                { "KiB", 1024 },
                { "MB", 1000000 },
                { "M", UINT64_C(1) << 20 },
                { "MiB", UINT64_C(1) << 20 },
                { "GB", 1000000000 },
                { "G", UINT64_C(1) << 30 },
                { "GiB", UINT64_C(1) << 30 },
                { "TB", UINT64_C(1000000000000) },
                { "T", UINT64_C(1) << 40 },
                { "TiB", UINT64_C(1) << 40 },
        };
        for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
                if (strcasecmp(unit, units[i].name) == 0) {
                        *ret_bytes = units[i].bytes;
                        return true;
                }
        }
        return false;
}

static int read_name(struct reader *reader, xmlNodePtr root, char ret_name[NAME_BYTES], xmlNodePtr *ret_node)
{
        xmlNodePtr node = NULL;
        int r = find_child(reader, root, "name", &node);
        if (r < 0)
                return r;
        SCOPED_FREE char *text = node == NULL ? NULL : node_text(node);
        if (text == NULL)
                return REFUSE(reader, "the domain has no <name>: add it, it becomes the role's name");
        if (!name_is_valid(text))
                return REFUSE(reader,
                              "line %ld: '%.80s' cannot name a role: use letters, digits, '.', '_' and '-', "
                              "beginning with a letter or digit, shorter than %d",
                              xmlGetLineNo(node), text, NAME_BYTES);
        text_copy(ret_name, NAME_BYTES, text);
        *ret_node = node;
        return 0;
}

static int read_memory(struct reader *reader, xmlNodePtr root, uint32_t *ret_memory_mib)
{
        xmlNodePtr node = NULL;
        int r = find_child(reader, root, "memory", &node);
        if (r < 0)
                return r;
        if (node == NULL)
                return REFUSE(reader, "the domain has no <memory>: placement needs it");
        SCOPED_FREE char *text = node_text(node);
        uint64_t number = 0;
        if (!parse_number(text, &number))
                return REFUSE(reader, "line %ld: <memory> is not a number", xmlGetLineNo(node));
        uint64_t unit = 1024;
        xmlChar *unit_name = xmlGetNoNsProp(node, (const xmlChar *)"unit");
        bool is_known = unit_name == NULL || unit_bytes((const char *)unit_name, &unit);
        xmlFree(unit_name);
        if (!is_known)
                return REFUSE(reader, "line %ld: <memory> has an unknown unit: use KiB, MiB, GiB or TiB",
                              xmlGetLineNo(node));
        if (number == 0)
                return REFUSE(reader, "line %ld: <memory> is zero", xmlGetLineNo(node));
        if (number > (MEMORY_MIB_MAX << 20) / unit)
                return REFUSE(
                        reader,
                        "line %ld: <memory> is over 64 TiB (is the unit right? It is KiB if none is said)",
                        xmlGetLineNo(node));
        *ret_memory_mib = (uint32_t)((number * unit + (UINT64_C(1) << 20) - 1) >> 20);
        return 0;
}

/* The maximum, not the present number: what may be plugged in later must fit as well. */
static int read_cpus(struct reader *reader, xmlNodePtr root, uint32_t *ret_cpus)
{
        xmlNodePtr node = NULL;
        int r = find_child(reader, root, "vcpu", &node);
        if (r < 0)
                return r;
        uint64_t number = 1;
        SCOPED_FREE char *text = node == NULL ? NULL : node_text(node);
        if (node != NULL && (!parse_number(text, &number) || number == 0 || number > CPUS_MAX))
                return REFUSE(reader, "line %ld: <vcpu> is not a number from 1 to %d", xmlGetLineNo(node),
                              CPUS_MAX);
        *ret_cpus = (uint32_t)number;
        return 0;
}

static void print_uuid(const uint8_t raw[UUID_RAW_BYTES], char ret_uuid[UUID_BYTES])
{
        size_t at = 0;
        for (size_t i = 0; i < UUID_RAW_BYTES; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        ret_uuid[at++] = '-';
                at += (size_t)snprintf(ret_uuid + at, UUID_BYTES - at, "%02x", raw[i]);
        }
}

/* Source: RFC 4122 4.4, version 4. */
static void make_uuid(char ret_uuid[UUID_BYTES])
{
        uint8_t raw[UUID_RAW_BYTES];
        ssize_t count = getrandom(raw, sizeof(raw), 0);
        assert(count == (ssize_t)sizeof(raw)); /* cannot be interrupted below 256 bytes */
        raw[6] = (uint8_t)((raw[6] & 0x0f) | 0x40);
        raw[8] = (uint8_t)((raw[8] & 0x3f) | 0x80);
        print_uuid(raw, ret_uuid);
}

static uint8_t digit_value(char digit)
{
        return (uint8_t)(isdigit((unsigned char)digit) ? digit - '0'
                                                       : tolower((unsigned char)digit) - 'a' + 10);
}

/* As libvirt takes it: 32 digits, dashes anywhere; but not 16 times the same byte. */
static bool parse_uuid(const char *text, char ret_uuid[UUID_BYTES])
{
        uint8_t raw[UUID_RAW_BYTES] = { 0 };
        size_t digits = 0;
        for (const char *at = text; *at != '\0'; at++) {
                if (*at == '-')
                        continue;
                if (!isxdigit((unsigned char)*at) || digits == 2 * sizeof(raw))
                        return false;
                raw[digits / 2] = (uint8_t)(raw[digits / 2] << 4 | digit_value(*at));
                digits++;
        }
        if (digits != 2 * sizeof(raw) || memcmp(raw, raw + 1, sizeof(raw) - 1) == 0)
                return false;
        print_uuid(raw, ret_uuid);
        return true;
}

static void insert_uuid(xmlNodePtr name, const char *uuid)
{
        xmlNodePtr node = xmlNewNode(NULL, (const xmlChar *)"uuid");
        assert(node != NULL);
        xmlNodeAddContent(node, (const xmlChar *)uuid);
        xmlNodePtr space =
                name->prev != NULL && name->prev->type == XML_TEXT_NODE ? xmlCopyNode(name->prev, 0) : NULL;
        xmlAddNextSibling(name, node);
        if (space != NULL)
                xmlAddNextSibling(name, space);
}

/* Every node must see one and the same uuid, so it cannot be left to the libvirt that starts the domain. */
static int read_uuid(struct reader *reader, xmlNodePtr root, xmlNodePtr name, char ret_uuid[UUID_BYTES])
{
        xmlNodePtr node = NULL;
        int r = find_child(reader, root, "uuid", &node);
        if (r < 0)
                return r;
        if (node == NULL) {
                make_uuid(ret_uuid);
                insert_uuid(name, ret_uuid);
                return 0;
        }
        SCOPED_FREE char *text = node_text(node);
        if (text == NULL || !parse_uuid(text, ret_uuid))
                return REFUSE(reader, "line %ld: <uuid> is not a UUID: remove it, and one is made",
                              xmlGetLineNo(node));
        return 0;
}

/* A dead domain kept by libvirt would hold the disks and count as running here for ever. */
static int check_no_preserve(struct reader *reader, xmlNodePtr root)
{
        static const char *const names[] = { "on_poweroff", "on_reboot", "on_crash" };
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                xmlNodePtr node = NULL;
                int r = find_child(reader, root, names[i], &node);
                if (r < 0)
                        return r;
                SCOPED_FREE char *text = node == NULL ? NULL : node_text(node);
                if (text != NULL && (text_equal(text, "preserve") || text_equal(text, "rename-restart")))
                        return REFUSE(reader,
                                      "line %ld: <%s>%s</%s> keeps what has died: use 'destroy' or 'restart'",
                                      xmlGetLineNo(node), names[i], text, names[i]);
        }
        return 0;
}

/* UTF-8 whatever it was written in: it travels as JSON. */
static int print_document(struct reader *reader, struct domain_definition *definition)
{
        xmlChar *text = NULL;
        int count = 0;
        xmlDocDumpMemoryEnc(reader->document, &text, &count, "UTF-8");
        assert(text != NULL && count > 0);
        if (count > DEFINITION_BYTES) {
                xmlFree(text);
                (void)REFUSE(reader, "the definition is over %d KiB", DEFINITION_BYTES / 1024);
                return -E2BIG;
        }
        definition->text = strndup((const char *)text, (size_t)count);
        assert(definition->text != NULL);
        definition->text_bytes = (size_t)count;
        xmlFree(text);
        return 0;
}

static int read_fields(struct reader *reader, struct domain_definition *definition)
{
        xmlNodePtr root = xmlDocGetRootElement(reader->document);
        if (root == NULL || !is_element(root, "domain"))
                return REFUSE(reader,
                              "line %ld: <%.40s> is not a libvirt <domain>: give what 'virsh dumpxml' prints",
                              root == NULL ? 1 : xmlGetLineNo(root),
                              root == NULL ? "" : (const char *)root->name);
        xmlNodePtr name = NULL;
        int r = read_name(reader, root, definition->name, &name);
        if (r == 0)
                r = read_memory(reader, root, &definition->memory_mib);
        if (r == 0)
                r = read_cpus(reader, root, &definition->cpus);
        if (r == 0)
                r = check_no_preserve(reader, root);
        if (r == 0)
                r = read_uuid(reader, root, name, definition->uuid);
        return r < 0 ? r : print_document(reader, definition);
}

int domain_definition_read(const char *text, size_t text_bytes, struct domain_definition *ret_definition,
                           char ret_error[DEFINITION_ERROR_BYTES])
{
        assert(text != NULL || text_bytes == 0);
        struct reader reader = { .error = ret_error };
        if (text_bytes > DEFINITION_BYTES) {
                (void)REFUSE(&reader, "the definition is over %d KiB", DEFINITION_BYTES / 1024);
                return -E2BIG;
        }
        if (text_bytes == 0)
                return REFUSE(&reader, "the definition is empty");
        struct domain_definition definition = { 0 };
        int r = reader_parse(&reader, text, text_bytes);
        if (r == 0)
                r = read_fields(&reader, &definition);
        reader_release(&reader);
        if (r == 0)
                *ret_definition = definition;
        return r;
}

/* A file's path, or a LUN as "TARGET/LUN"; NULL: something else. xmlFree() */
static xmlChar *source_name(xmlNodePtr source)
{
        xmlChar *protocol = xmlGetNoNsProp(source, (const xmlChar *)"protocol");
        bool is_lun = protocol != NULL && xmlStrEqual(protocol, (const xmlChar *)"iscsi");
        xmlFree(protocol);
        return xmlGetNoNsProp(source, (const xmlChar *)(is_lun ? "name" : "file"));
}

/* What is done to each disk. */
struct visitor {
        void (*on_disk)(const struct visitor *visitor, xmlNodePtr disk);
        void (*on_file)(void *context, const char *file);
        domain_on_lun on_lun;
        void *context;
};

static void visit_disks(xmlDocPtr document, const struct visitor *visitor)
{
        for (xmlNodePtr node = xmlDocGetRootElement(document)->children; node != NULL; node = node->next)
                for (xmlNodePtr device = is_element(node, "devices") ? node->children : NULL; device != NULL;
                     device = device->next)
                        if (is_element(device, "disk"))
                                visitor->on_disk(visitor, device);
}

/* A disk, what it is based on, and so on. */
static void visit_sources(const struct visitor *visitor, xmlNodePtr disk)
{
        while (disk != NULL) {
                xmlNodePtr base = NULL;
                for (xmlNodePtr node = disk->children; node != NULL; node = node->next) {
                        xmlChar *file = is_element(node, "source") ? source_name(node) : NULL;
                        if (file != NULL)
                                visitor->on_file(visitor->context, (const char *)file);
                        xmlFree(file);
                        if (is_element(node, "backingStore"))
                                base = node;
                }
                disk = base;
        }
}

void domain_definition_files(const char *text, size_t text_bytes,
                             void (*on_file)(void *context, const char *file), void *context)
{
        char error[DEFINITION_ERROR_BYTES];
        struct reader reader = { .error = error };
        const struct visitor visitor = { .on_disk = visit_sources, .on_file = on_file, .context = context };
        int r = reader_parse(&reader, text, text_bytes);
        assert(r == 0);
        visit_disks(reader.document, &visitor);
        reader_release(&reader);
}

static bool has_child(const xmlNode *parent, const char *name)
{
        for (const xmlNode *node = parent->children; node != NULL; node = node->next)
                if (is_element(node, name))
                        return true;
        return false;
}

/* An empty drive has no source. Of what a disk is based on only the uppermost is written to. */
static bool is_disk_contained(const xmlNode *disk, bool (*holds)(void *context, const char *file),
                              void *context)
{
        bool is_contained = true;
        xmlChar *device = xmlGetNoNsProp(disk, (const xmlChar *)"device");
        bool is_read_only = has_child(disk, "readonly") ||
                            (device != NULL && xmlStrEqual(device, (const xmlChar *)"cdrom"));
        xmlFree(device);
        if (is_read_only)
                return true;
        for (xmlNodePtr node = disk->children; node != NULL; node = node->next) {
                if (!is_element(node, "source"))
                        continue;
                xmlChar *name = source_name(node);
                is_contained &= name != NULL && holds(context, (const char *)name);
                xmlFree(name);
        }
        return is_contained && !has_child(disk, "mirror");
}

/* Directories, devices of the host, and files beside the disks: who writes there asks no target. */
static bool is_elsewhere(const xmlNode *device)
{
        return is_element(device, "filesystem") || is_element(device, "hostdev") ||
               is_element(device, "shmem") || is_element(device, "memory");
}

bool domain_definition_is_contained(const char *text, size_t text_bytes,
                                    bool (*holds)(void *context, const char *file), void *context)
{
        char error[DEFINITION_ERROR_BYTES];
        struct reader reader = { .error = error };
        bool is_contained = true;
        int r = reader_parse(&reader, text, text_bytes);
        assert(r == 0);
        for (xmlNodePtr node = xmlDocGetRootElement(reader.document)->children; node != NULL;
             node = node->next) {
                is_contained &= !is_element(node, "os") || !has_child(node, "nvram");
                for (xmlNodePtr device = is_element(node, "devices") ? node->children : NULL; device != NULL;
                     device = device->next)
                        is_contained &= is_element(device, "disk") ? is_disk_contained(device, holds, context)
                                                                   : !is_elsewhere(device);
        }
        reader_release(&reader);
        return is_contained;
}

static void set(xmlNodePtr node, const char *name, const char *value)
{
        xmlAttrPtr attribute = xmlSetProp(node, (const xmlChar *)name, (const xmlChar *)value);
        assert(attribute != NULL);
}

/* As <source protocol='nbd'><host transport='unix' socket='...'/></source>: who it was is not told to QEMU.
 */
static void reroute(xmlNodePtr source, const char *socket)
{
        xmlNodePtr host = xmlNewNode(NULL, (const xmlChar *)"host");
        assert(host != NULL);
        while (source->children != NULL) {
                xmlNodePtr child = source->children;
                xmlUnlinkNode(child);
                xmlFreeNode(child);
        }
        (void)xmlUnsetProp(source, (const xmlChar *)"name");
        set(source, "protocol", "nbd");
        set(host, "transport", "unix");
        set(host, "socket", socket);
        (void)xmlAddChild(source, host);
}

static void reroute_disk(const struct visitor *visitor, xmlNodePtr disk)
{
        for (xmlNodePtr node = disk->children; node != NULL; node = node->next) {
                xmlChar *name = is_element(node, "source") ? source_name(node) : NULL;
                const char *socket = name == NULL || name[0] == '/'
                                             ? NULL
                                             : visitor->on_lun(visitor->context, (const char *)name);
                if (socket != NULL)
                        reroute(node, socket);
                xmlFree(name);
        }
}

char *domain_definition_reroute(const char *text, size_t text_bytes, domain_on_lun on_lun, void *context)
{
        char error[DEFINITION_ERROR_BYTES];
        struct reader reader = { .error = error };
        const struct visitor visitor = { .on_disk = reroute_disk, .on_lun = on_lun, .context = context };
        xmlChar *printed = NULL;
        int count = 0, r = reader_parse(&reader, text, text_bytes);
        assert(r == 0);
        visit_disks(reader.document, &visitor);
        xmlDocDumpMemoryEnc(reader.document, &printed, &count, "UTF-8");
        assert(printed != NULL);
        char *rerouted = strndup((const char *)printed, (size_t)count);
        assert(rerouted != NULL);
        xmlFree(printed);
        reader_release(&reader);
        return rerouted;
}
