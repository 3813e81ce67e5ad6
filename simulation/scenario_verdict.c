/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Did it come as expected? By the committed history, which is the same on every node. */

#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

#define NOT(...)                                                                                             \
        __extension__({                                                                                      \
                (void)snprintf(text, text_bytes, __VA_ARGS__);                                               \
                false;                                                                                       \
        })

static bool role_holds(struct world *world, const struct expectation *expectation, char *text,
                       size_t text_bytes)
{
        const struct role *role = model_role(world->checker.reference, expectation->subject);
        if (text_equal(expectation->state, "removed"))
                return role == NULL || NOT("it is %s", role_state_name(role->state));
        if (role == NULL)
                return NOT("there is no such role");
        const char *owner = role->owner == NODE_NONE ? "no node" : world->nodes[role->owner].name;
        if (!text_equal(role_state_name(role->state), expectation->state) ||
            (expectation->nodes != 0 && !node_set_has(expectation->nodes, role->owner)) ||
            node_set_has(expectation->not_nodes, role->owner))
                return NOT("it is %s on %s: %s", role_state_name(role->state), owner, role->reason);
        if (role->state != ROLE_ONLINE)
                return true;
        const struct domain *domain =
                hypervisor_domain(world, &world->nodes[role->owner], expectation->subject);
        return (domain != NULL && domain->state == DOMAIN_RUNNING) ||
               NOT("it should run on %s, and no guest of it does", owner);
}

static bool node_holds(struct world *world, const struct expectation *expectation, char *text,
                       size_t text_bytes)
{
        const struct node *node = model_node_by_name(world->checker.reference, expectation->subject);
        if (node == NULL)
                return NOT("the cluster does not know it");
        return text_equal(node_state_name(node->state), expectation->state) ||
               text_equal(node_duty_name(node->duty), expectation->state) ||
               (node->evicted && text_equal("evicted", expectation->state)) ||
               NOT("it is %s, %s: %s", node_state_name(node->state), node_duty_name(node->duty),
                   node->reason);
}

static bool outage_holds(struct world *world, const struct expectation *expectation, char *text,
                         size_t text_bytes)
{
        uint64_t longest_us = telling_outage_us(world, expectation->subject);
        return longest_us <= expectation->most_us ||
               NOT("its guest ran nowhere for %.3f s", (double)longest_us / 1e6);
}

static bool event_holds(struct world *world, const struct expectation *expectation, char *text,
                        size_t text_bytes)
{
        const struct telling *telling = &world->telling;
        const struct told *other = NULL;
        int64_t times = 0;
        for (size_t i = 0; i < telling->count; i++) {
                const struct told *told = &telling->told[i];
                if (!pattern_matches(&expectation->patterns[0], told))
                        continue;
                bool in_time = told->at_us >= expectation->least_us && told->at_us <= expectation->most_us;
                times += in_time;
                other = in_time && expectation->times != 0 ? other : told;
        }
        if (expectation->times == -1 ? times > 0 : times == expectation->times)
                return true;
        if (other != NULL && (times == 0 || expectation->times == 0))
                return NOT("it came at %.3f s: %s%s%s", (double)other->at_us / 1e6, other->words,
                           other->reason[0] == '\0' ? "" : ": ", other->reason);
        return times == 0 ? NOT("it never came") : NOT("it came %" PRId64 " times", times);
}

static const struct told *first_told(const struct telling *telling, const struct pattern *pattern)
{
        for (size_t i = 0; i < telling->count; i++)
                if (pattern_matches(pattern, &telling->told[i]))
                        return &telling->told[i];
        return NULL;
}

/* What comes of one step has one time, and no order. */
static bool order_holds(struct world *world, const struct expectation *expectation, char *text,
                        size_t text_bytes)
{
        uint64_t before_us = 0;
        for (size_t i = 0; i < expectation->pattern_count; i++) {
                const struct pattern *pattern = &expectation->patterns[i];
                const struct told *first = first_told(&world->telling, pattern);
                if (first == NULL)
                        return NOT("'%s' never came", pattern->words);
                if (first->at_us < before_us)
                        return NOT("'%s' came at %.3f s, before '%s' at %.3f s", pattern->words,
                                   (double)first->at_us / 1e6, expectation->patterns[i - 1].words,
                                   (double)before_us / 1e6);
                before_us = first->at_us;
        }
        return true;
}

bool expectation_holds(struct world *world, const struct expectation *expectation, char *text,
                       size_t text_bytes)
{
        text[0] = '\0';
        switch (expectation->kind) {
        case EXPECT_ROLE:
                return role_holds(world, expectation, text, text_bytes);
        case EXPECT_NODE:
                return node_holds(world, expectation, text, text_bytes);
        case EXPECT_OUTAGE:
                return outage_holds(world, expectation, text, text_bytes);
        case EXPECT_EVENT:
                return event_holds(world, expectation, text, text_bytes);
        case EXPECT_ORDER:
                return order_holds(world, expectation, text, text_bytes);
        }
        return false;
}
