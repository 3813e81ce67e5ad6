/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/voter_set.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

/*
 * The rules against an oracle that knows nothing of them: it hands out votes one
 * by one, and tries every partition of every situation that losses and returns,
 * in any order, can lead to.
 */

#define NODES_TRIED 7
/*
 * A few nodes come and go for ever, and each step of each change of the voters is tried; one more is lost
 * once and returns once, in any order; of larger clusters all those that are lost are lost before one
 * returns.
 */
#define FOREVER_MAX(search) ((search)->witness ? 3u : 4u)
#define MIXED_MAX(search)   (FOREVER_MAX(search) + 1)
#define STATES_MAX          (1u << 20) /* of the table of situations: a power of two */

static const int32_t alike[NODES_MAX + 1];
static const int32_t descending[NODES_MAX + 1] = { 0, 1, 2, 3, 4, 5, 6, 7 };

/* --- cases that people can read --- */

static const struct {
        const char *what;
        struct voter_candidates candidates;
        struct voter_set want;
} choices[] = {
        { "five nodes", { 037, alike, false }, { 037, false } },
        { "an odd number needs no witness", { 037, alike, true }, { 037, false } },
        { "an even number does", { 017, alike, true }, { 017, true } },
        { "of four without a witness the highest id gives up", { 017, NULL, false }, { 07, false } },
        { "of four the lowest priority gives up", { 017, descending, false }, { 016, false } },
        { "two and a witness", { 03, alike, true }, { 03, true } },
        { "of two the higher id gives up", { 03, alike, false }, { 01, false } },
        { "of two the lower priority gives up", { 03, descending, false }, { 02, false } },
        { "of two far ones", { 1u << 2 | 1u << 6, NULL, false }, { 1u << 2, false } },
        { "the last one", { 04, alike, false }, { 04, false } },
        { "the last one and a witness", { 04, alike, true }, { 04, false } },
};

START_TEST(chooses_as_the_table_says)
{
        struct voter_set got = voter_set_choose(&choices[_i].candidates);
        ck_assert_msg(voter_set_equal(&got, &choices[_i].want), "%s: got %llx witness %d", choices[_i].what,
                      (unsigned long long)got.nodes, got.witness);
}
END_TEST

static const struct {
        const char *what;
        struct voters voters;
        node_set present;
        bool witness;
        enum quorum_verdict want;
} verdicts[] = {
        { "two of three", { .now = { 07, false } }, 03, false, QUORUM_HELD },
        { "a node without a vote does not help", { .now = { 07, false } }, 011, false, QUORUM_LOST },
        { "one of two, and the witness", { .now = { 03, true } }, 01, true, QUORUM_HELD_BY_WITNESS },
        { "a witness that has no vote does not help", { .now = { 03, false } }, 01, true, QUORUM_TIED },
        { "shrinking: the new alone are no majority of the old",
          { .now = { 03, false }, .before = { 037, false } },
          03,
          false,
          QUORUM_LOST },
        { "shrinking: both majorities",
          { .now = { 07, false }, .before = { 037, false } },
          07,
          false,
          QUORUM_HELD },
        { "growing: the old alone are no majority of the new",
          { .now = { 037, false }, .before = { 01, false } },
          01,
          false,
          QUORUM_LOST },
        { "growing: the new alone are no majority of the old",
          { .now = { 037, false }, .before = { 01, false } },
          036,
          false,
          QUORUM_LOST },
        { "the less firm verdict counts",
          { .now = { 01, false }, .before = { 03, true } },
          01,
          true,
          QUORUM_HELD_BY_WITNESS },
        { "nobody has a vote", { .now = { 0, false } }, 037, true, QUORUM_LOST },
};

START_TEST(decides_as_the_table_says)
{
        enum quorum_verdict got =
                voters_decide(&verdicts[_i].voters, verdicts[_i].present, verdicts[_i].witness);
        ck_assert_msg(got == verdicts[_i].want, "%s: got %s", verdicts[_i].what, quorum_verdict_name(got));
}
END_TEST

START_TEST(refuses_to_choose_from_nobody)
{
        voter_set_choose(&(struct voter_candidates){ .nodes = 0 });
}
END_TEST

/* --- the oracle --- */

/* An assertion of check costs a system call, and these are tried by the million. */
#define MUST(condition, ...)                                                                                 \
        do {                                                                                                 \
                if (!(condition))                                                                            \
                        ck_abort_msg(__VA_ARGS__);                                                           \
        } while (0)

/* What one node knows: the set that its history ends with, and how many changes came before. */
struct knowledge {
        uint32_t version;
        uint8_t nodes;
        bool witness;
        bool open; /* not known to be committed: the set before counts, too */
        uint8_t before_nodes;
        bool before_witness;
};

struct situation {
        uint8_t up;
        uint8_t lost; /* at some time */
        bool witness_up;
        uint32_t witness_knows; /* the version that it was told last */
        struct knowledge known[NODES_TRIED];
};

struct search {
        uint32_t nodes;
        bool witness; /* there is one */
        const int32_t *priority;
        struct situation *seen; /* hash table */
        bool *taken;            /* its places */
        uint32_t count;
        bool claims[2][1 << NODES_TRIED]; /* by whether the witness votes for them, and who they are */
        unsigned long primaries, changes;
};

static bool is_more_than_half(uint32_t voting, uint32_t present, bool has_witness, bool got_witness)
{
        int ahead = 0;
        for (uint32_t node = 0; node < NODES_TRIED; node++)
                if (voting >> node & 1)
                        ahead += present >> node & 1 ? 1 : -1;
        if (has_witness)
                ahead += got_witness ? 1 : -1;
        return ahead > 0;
}

/* The newest knowledge in a part of the cluster; one who knows of the commit settles it for all. */
static const struct knowledge *newest_in(const struct situation *at, uint32_t part)
{
        const struct knowledge *newest = NULL;
        for (uint32_t node = 0; node < NODES_TRIED; node++) {
                const struct knowledge *known = &at->known[node];
                if ((part >> node & 1) && (newest == NULL || known->version > newest->version ||
                                           (known->version == newest->version && !known->open)))
                        newest = known;
        }
        return newest;
}

static bool oracle_is_primary(const struct situation *at, uint32_t part, bool witness)
{
        const struct knowledge *known = newest_in(at, part);
        if (known == NULL || !is_more_than_half(known->nodes, part, known->witness, witness))
                return false;
        return !known->open || is_more_than_half(known->before_nodes, part, known->before_witness, witness);
}

static bool rule_is_primary(const struct situation *at, uint32_t part, bool witness)
{
        const struct knowledge *known = newest_in(at, part);
        if (known == NULL)
                return false;
        struct voters voters = { .now = { known->nodes, known->witness } };
        if (known->open)
                voters.before = (struct voter_set){ known->before_nodes, known->before_witness };
        return quorum_is_held(voters_decide(&voters, part, witness));
}

/* The witness votes for nobody who knows less than whoever it last voted for. */
static bool witness_votes(const struct situation *at, uint32_t part)
{
        const struct knowledge *known = newest_in(at, part);
        return known != NULL && known->version >= at->witness_knows;
}

/* And for one part only: of two, one at most counts on it. */
static void check_no_two_primaries(struct search *search, const struct situation *at)
{
        uint32_t all = (1u << search->nodes) - 1;
        for (uint32_t part = 0; part <= all; part++)
                for (int witness = 0; witness <= (search->witness ? 1 : 0); witness++) {
                        bool votes = witness && witness_votes(at, part);
                        search->claims[witness][part] = oracle_is_primary(at, part, votes);
                        MUST(search->claims[witness][part] == rule_is_primary(at, part, votes),
                             "%u nodes: rule and oracle disagree about %x", search->nodes, part);
                }
        int most = search->witness ? 1 : 0;
        for (uint32_t one = 1; one <= all; one++) {
                if (!search->claims[most][one])
                        continue;
                search->primaries++;
                uint32_t rest = all & ~one;
                for (uint32_t other = rest; other != 0; other = (other - 1) & rest)
                        MUST(!search->claims[0][other], "%u nodes: %x and %x are both primary", search->nodes,
                             one, other);
        }
}

/* While a change goes round: each of those who see it has it not yet, has stored it, or knows it committed.
 */
static void check_change(struct search *search, const struct situation *before, const struct knowledge *next)
{
        uint32_t up = before->up, combinations = 1;
        for (uint32_t node = 0; node < search->nodes; node++)
                combinations *= up >> node & 1 ? 3 : 1;
        for (uint32_t code = 0; code < combinations; code++) {
                struct situation at = *before;
                uint32_t stored = 0, knows = 0, left = code;
                for (uint32_t node = 0; node < search->nodes; node++) {
                        if (!(up >> node & 1))
                                continue;
                        uint32_t progress = left % 3;
                        left /= 3;
                        if (progress == 0)
                                continue;
                        at.known[node] = *next;
                        at.known[node].open = progress == 1;
                        stored |= 1u << node;
                        knows |= progress == 2 ? 1u << node : 0;
                }
                /* The witness stores no entries: it is told, and votes, when all of the view have stored it.
                 */
                bool witness = before->witness_up && stored == up && (next->witness || next->before_witness);
                if (witness)
                        at.witness_knows = next->version;
                bool committed = is_more_than_half(next->nodes, stored, next->witness, witness) &&
                                 is_more_than_half(next->before_nodes, stored, next->before_witness, witness);
                if (knows == 0 || committed)
                        check_no_two_primaries(search, &at);
        }
}

/* By anybody. */
static uint32_t is_known(const struct search *search, const struct situation *at, uint32_t version)
{
        for (uint32_t node = 0; node < search->nodes; node++)
                if (at->known[node].version == version)
                        return 1;
        return at->witness_knows == version ? 1 : 0;
}

/* Only what can still matter: versions by rank, and nothing left over in unused fields. */
static void normalize(const struct search *search, struct situation *at)
{
        struct situation clean;
        memset(&clean, 0, sizeof clean);
        clean.up = at->up;
        clean.lost = search->nodes > FOREVER_MAX(search) ? at->lost : 0;
        clean.witness_up = at->witness_up;
        for (uint32_t version = 1; version <= at->witness_knows; version++)
                clean.witness_knows += is_known(search, at, version);
        for (uint32_t node = 0; node < search->nodes; node++) {
                uint32_t rank = 1;
                for (uint32_t version = 1; version < at->known[node].version; version++)
                        rank += is_known(search, at, version);
                clean.known[node].version = rank;
                clean.known[node].nodes = at->known[node].nodes;
                clean.known[node].witness = at->known[node].witness;
        }
        *at = clean;
}

static bool is_new(struct search *search, const struct situation *at)
{
        uint64_t hash = UINT64_C(14695981039346656037);
        for (size_t i = 0; i < sizeof *at; i++)
                hash = (hash ^ ((const uint8_t *)at)[i]) * UINT64_C(1099511628211);
        uint32_t slot = (uint32_t)(hash ^ hash >> 32) & (STATES_MAX - 1);
        while (search->taken[slot]) {
                if (memcmp(&search->seen[slot], at, sizeof *at) == 0)
                        return false;
                slot = (slot + 1) & (STATES_MAX - 1);
        }
        MUST(++search->count < STATES_MAX / 2, "%u nodes: too many situations", search->nodes);
        search->taken[slot] = true;
        search->seen[slot] = *at;
        return true;
}

/* All nodes there are, except the one that gives up when they could tie with nobody to decide. */
static struct knowledge oracle_choose(const struct search *search, uint32_t up, bool witness)
{
        struct knowledge next = { .nodes = (uint8_t)up };
        uint32_t count = 0, last = 0;
        for (uint32_t node = search->nodes; node-- > 0;) {
                if (!(up >> node & 1))
                        continue;
                last = count == 0 || search->priority[node + 1] < search->priority[last + 1] ? node : last;
                count++;
        }
        next.witness = witness && count % 2 == 0;
        if (!witness && count % 2 == 0)
                next.nodes &= (uint8_t) ~(1u << last);
        return next;
}

/* What the leader of a primary view does to the voters; false when there is none. */
static bool follow(struct search *search, struct situation *at)
{
        const struct knowledge *known = newest_in(at, at->up);
        bool witness = at->witness_up && witness_votes(at, at->up);
        if (known == NULL || !oracle_is_primary(at, at->up, witness))
                return false;
        struct voter_set chosen = voter_set_choose(&(struct voter_candidates){
                .nodes = at->up, .priority = search->priority, .witness = at->witness_up });
        struct knowledge next = oracle_choose(search, at->up, at->witness_up);
        MUST(chosen.nodes == next.nodes && chosen.witness == next.witness, "%x: the oracle chose %x", at->up,
             next.nodes);
        if (next.nodes != known->nodes || next.witness != known->witness) {
                next.version = known->version + 1;
                next.before_nodes = known->nodes;
                next.before_witness = known->witness;
                /* Whoever holds the old set also holds the new one: a change never waits for those who left.
                 */
                MUST(is_more_than_half(next.nodes, at->up, next.witness, witness), "%x waits for others",
                     at->up);
                if (search->nodes <= FOREVER_MAX(search))
                        check_change(search, at, &next);
                search->changes++;
        } else {
                next = *known;
        }
        next.open = false;
        if (at->witness_up && (known->witness || next.witness))
                at->witness_knows = next.version;
        for (uint32_t node = 0; node < search->nodes; node++)
                if (at->up >> node & 1)
                        at->known[node] = next;
        return true;
}

/* With all votes where they should be, which single losses must a cluster live through? */
static bool must_survive(const struct search *search, uint32_t before, bool witness, uint32_t lost)
{
        uint32_t count = (uint32_t)__builtin_popcount(before);
        if (witness || count >= 3)
                return count >= 2;
        return count == 2 && oracle_choose(search, before, false).nodes != (uint8_t)(1u << lost);
}

static bool may_happen(const struct search *search, const struct situation *at, uint32_t node)
{
        bool lost = at->up >> node & 1;
        if (search->nodes <= FOREVER_MAX(search))
                return true;
        if (search->nodes <= MIXED_MAX(search))
                return !lost || !(at->lost >> node & 1);
        /* The first to return begins the second half. */
        bool returning = (at->up & at->lost) != 0;
        return lost ? !returning : at->up == 0 || returning;
}

static void explore(struct search *search, struct situation at, bool primary);

static void lose_or_return(struct search *search, const struct situation *at, bool primary, uint32_t node)
{
        struct situation next = *at;
        bool lost = at->up >> node & 1;
        if (!may_happen(search, at, node))
                return;
        next.up ^= (uint8_t)(1u << node);
        next.lost |= (uint8_t)(1u << node);
        bool is_primary = follow(search, &next);
        if (primary && !lost)
                MUST(is_primary, "%x lost its quorum when %x returned", at->up, 1u << node);
        if (primary && lost)
                MUST(is_primary == must_survive(search, at->up, at->witness_up, node),
                     "%x without %x: primary is %d", at->up, 1u << node, is_primary);
        explore(search, next, is_primary);
}

static void explore(struct search *search, struct situation at, bool primary)
{
        normalize(search, &at);
        if (!is_new(search, &at))
                return;
        check_no_two_primaries(search, &at);
        for (uint32_t node = 0; node < search->nodes; node++)
                lose_or_return(search, &at, primary, node);
        if (!search->witness || search->nodes > MIXED_MAX(search))
                return;
        struct situation next = at;
        next.witness_up = !at.witness_up;
        bool is_primary = follow(search, &next);
        if (primary)
                MUST(is_primary, "%x lost its quorum with the witness alone", at.up);
        explore(search, next, is_primary);
}

static void search_all(uint32_t nodes, bool witness, const int32_t *priority)
{
        struct search *search = calloc(1, sizeof *search);
        ck_assert_ptr_nonnull(search);
        search->nodes = nodes;
        search->witness = witness;
        search->priority = priority;
        search->seen = calloc(STATES_MAX, sizeof *search->seen);
        search->taken = calloc(STATES_MAX, sizeof *search->taken);
        struct situation at = { .up = (uint8_t)((1u << nodes) - 1), .witness_up = witness };
        for (uint32_t node = 0; node < nodes; node++)
                at.known[node] = (struct knowledge){ .version = 1, .nodes = at.up };
        bool primary = follow(search, &at);
        ck_assert(primary);
        explore(search, at, primary);
        ck_assert_uint_gt(search->primaries, 0);
        printf("%u nodes, witness %d: %u situations, %lu changes\n", nodes, witness, search->count,
               search->changes);
        free(search->seen);
        free(search->taken);
        free(search);
}

START_TEST(never_two_primaries_and_always_one_that_may_be)
{
        search_all((uint32_t)_i, false, alike);
}
END_TEST

START_TEST(the_same_by_priority)
{
        search_all((uint32_t)_i, false, descending);
}
END_TEST

START_TEST(the_same_with_a_witness)
{
        search_all((uint32_t)_i, true, alike);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("voters");
        tcase_set_timeout(tcase, 600); /* the largest search takes seconds, more with sanitizers */
        tcase_add_loop_test(tcase, chooses_as_the_table_says, 0, (int)(sizeof choices / sizeof choices[0]));
        tcase_add_loop_test(tcase, decides_as_the_table_says, 0, (int)(sizeof verdicts / sizeof verdicts[0]));
        tcase_add_test_raise_signal(tcase, refuses_to_choose_from_nobody, SIGABRT);
        tcase_add_loop_test(tcase, never_two_primaries_and_always_one_that_may_be, 1, NODES_TRIED + 1);
        tcase_add_loop_test(tcase, the_same_by_priority, 1, NODES_TRIED);
        tcase_add_loop_test(tcase, the_same_with_a_witness, 1, NODES_TRIED + 1);

        Suite *suite = suite_create("voter_set");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
