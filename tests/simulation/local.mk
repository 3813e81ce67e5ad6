# Whole clusters of real cores in a simulated world. check.sh runs some seeds within `make check`.
noinst_PROGRAMS += %D%/simulate
%C%_simulate_SOURCES = \
	%D%/checker.c %D%/convergence.c %D%/history.c \
	%D%/disk.c %D%/faults.c %D%/hypervisor.c %D%/keeper.c %D%/main.c \
	%D%/network.c %D%/network_parts.h %D%/network_ring.c %D%/operator.c %D%/power.c \
	%D%/queue.c %D%/queue.h %D%/random.c %D%/random.h \
	%D%/shell.c %D%/shell_note.c %D%/transcript.c %D%/transcript.h \
	%D%/world.c %D%/world.h \
	clusterd/guard/guard_rule.c clusterd/guard/guard_rule.h
%C%_simulate_LDADD = $(CLU_CORE) $(PURE_LIBS)
dist_check_SCRIPTS += %D%/check.sh
EXTRA_DIST += %D%/README.md
