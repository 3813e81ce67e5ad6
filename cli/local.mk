# All of clu but main, so that tests can run it in their own process.
noinst_LIBRARIES += %D%/libclucli.a
%C%_libclucli_a_SOURCES = \
	%D%/arguments.c \
	%D%/call.c %D%/call.h \
	%D%/command.c %D%/command.h \
	%D%/completion.c \
	%D%/confirm.c %D%/confirm.h \
	%D%/help.c %D%/help.h \
	%D%/ipc_client.c %D%/ipc_client.h \
	%D%/print.c %D%/print.h \
	%D%/print_history.c \
	%D%/print_node.c \
	%D%/print_quorum.c \
	%D%/print_role.c \
	%D%/print_volume.c \
	%D%/settle.c %D%/settle.h \
	%D%/simulate.c %D%/simulate.h \
	%D%/table.c %D%/table.h \
	%D%/verify.c %D%/verify.h \
	%D%/wait.c %D%/wait.h \
	%D%/what_if.c %D%/what_if.h
%C%_libclucli_a_CPPFLAGS = $(AM_CPPFLAGS) -DCLU_SBINDIR='"$(sbindir)"' -DCLU_VERSION='"$(PACKAGE_VERSION)"'
%C%_libclucli_a_CFLAGS   = $(AM_CFLAGS) $(QB_CFLAGS) $(JANSSON_CFLAGS) $(SMARTCOLS_CFLAGS)
CLU_CLI      = cli/libclucli.a simulation/libclusimulation.a $(CLU_CORE)
CLU_CLI_LIBS = $(QB_LIBS) $(JANSSON_LIBS) $(NETTLE_LIBS) $(SMARTCOLS_LIBS)

bin_PROGRAMS += %D%/clu
%C%_clu_SOURCES = %D%/main.c
%C%_clu_CFLAGS  = $(AM_CFLAGS)
%C%_clu_LDADD   = $(CLU_CLI) $(CLU_CLI_LIBS)

# The manual page and the completion are what the table of verbs says.
man8_MANS            = %D%/clu.8
bashcompletiondir    = $(datadir)/bash-completion/completions
bashcompletion_DATA  = %D%/completion/clu
CLEANFILES          += %D%/clu.8 %D%/completion/clu
EXTRA_DIST          += %D%/README.md

%D%/clu.8: %D%/clu$(EXEEXT)
	$(AM_V_GEN)%D%/clu help --man > $@.new && mv $@.new $@
%D%/completion/clu: %D%/clu$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) %D%/completion && %D%/clu completion bash > $@.new && mv $@.new $@
