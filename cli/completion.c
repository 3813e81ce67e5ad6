/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/help.h"

#include <stdio.h>

#include "clusterd/base/text.h"

static void list_nouns(void)
{
        const char *last = "";
        for (enum verb_id id = 0; id < VERB_COUNT; id++) {
                if (!text_equal(last, verb_by_id(id)->noun))
                        printf(" %s", verb_by_id(id)->noun);
                last = verb_by_id(id)->noun;
        }
}

static void list_verbs(const char *noun)
{
        for (enum verb_id id = 0; id < VERB_COUNT; id++)
                if (text_equal(verb_by_id(id)->noun, noun))
                        printf(" %s", verb_by_id(id)->name);
}

static void verbs_by_noun(void)
{
        const char *last = "";
        for (enum verb_id id = 0; id < VERB_COUNT; id++) {
                const char *noun = verb_by_id(id)->noun;
                if (!text_equal(last, noun)) {
                        printf("                %s) words=\"", noun);
                        list_verbs(noun);
                        printf("\" ;;\n");
                }
                last = noun;
        }
}

static void options_of(const struct verb *verb)
{
        for (size_t i = 0; i < verb->option_count; i++)
                if (!verb->options[i].hidden)
                        printf(" --%s", verb->options[i].name);
        for (enum verb_common common = 0; common < VERB_COMMON_COUNT; common++)
                if (verb_has_common(verb, common))
                        printf(" --%s", verb_common_options[common].name);
}

/* Whose names complete the operand: the verb's own noun, but a fence test is about a node. */
static const char *names_noun(const struct verb *verb)
{
        if (verb->operand == NULL || text_equal(verb->name, "add"))
                return "";
        return text_equal(verb->operand, "NODE") ? "node" : verb->noun;
}

static void options_by_verb(void)
{
        for (enum verb_id id = 0; id < VERB_COUNT; id++) {
                const struct verb *verb = verb_by_id(id);
                printf("        \"%s %s\") names=\"%s\" words=\"", verb->noun, verb->name, names_noun(verb));
                options_of(verb);
                printf("\" ;;\n");
        }
}

void help_completion(void)
{
        printf("# bash completion of clu, made by clu completion bash from the table of verbs.\n"
               "_clu_names()\n{\n"
               "        clu \"$1\" list 2>/dev/null | awk 'NR > 1 { print $1 }'\n}\n\n"
               "_clu()\n{\n"
               "        local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} words='' "
               "names=''\n"
               "        case $COMP_CWORD in\n"
               "        1) words=\"help completion simulate what-if");
        list_nouns();
        printf("\" ;;\n        2)\n                case ${COMP_WORDS[1]} in\n");
        verbs_by_noun();
        printf("                completion) words=bash ;;\n                simulate) mapfile -t COMPREPLY < "
               "<(compgen -f -- \"$word\"); return ;;\n                help) words=\"");
        list_nouns();
        printf("\" ;;\n                esac ;;\n        *)\n"
               "        case $before in\n"
               "        --definition | --ocf | --file)\n"
               "                mapfile -t COMPREPLY < <(compgen -f -- \"$word\")\n"
               "                return ;;\n"
               "        --node | --nodes | --preferred | --possible)\n"
               "                mapfile -t COMPREPLY < <(compgen -W \"$(_clu_names node)\" -- \"$word\")\n"
               "                return ;;\n"
               "        esac\n"
               "        case \"${COMP_WORDS[1]} ${COMP_WORDS[2]}\" in\n");
        options_by_verb();
        printf("        esac\n"
               "        [ \"$COMP_CWORD\" = 3 ] && [ -n \"$names\" ] && [[ $word != -* ]] && "
               "words=$(_clu_names \"$names\") ;;\n"
               "        esac\n"
               "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$word\")\n}\n"
               "complete -F _clu clu\n");
}
