noinst_LIBRARIES += %D%/libcluagents.a
%C%_libcluagents_a_SOURCES = \
	%D%/fence_agent.c %D%/fence_agent.h \
	%D%/fence_metadata.c %D%/fence_metadata.h \
	%D%/fence_options.c %D%/fence_options.h \
	%D%/ocf_agent.c %D%/ocf_agent.h \
	%D%/ocf_answer.c %D%/ocf_answer.h \
	%D%/ocf_definition.c %D%/ocf_definition.h \
	%D%/ocf_memory.c %D%/ocf_memory.h \
	%D%/ocf_phase.c %D%/ocf_phase.h \
	%D%/ocf_role.c %D%/ocf_role.h \
	%D%/ocf_role_definition.c %D%/ocf_role_definition.h \
	%D%/ocf_sequence.c %D%/ocf_sequence.h \
	%D%/output_line.c %D%/output_line.h
%C%_libcluagents_a_CFLAGS = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(XML_CFLAGS) $(PACEMAKER_CFLAGS)
EXTRA_DIST += %D%/README.md
