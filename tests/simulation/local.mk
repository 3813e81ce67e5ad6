# Whole clusters of real cores on a simulated world. check.sh runs some seeds within `make check`.
EXTRA_PROGRAMS += %D%/simulate
%C%_simulate_SOURCES = \
	%D%/checker.c %D%/convergence.c %D%/history.c \
	%D%/disk.c %D%/faults.c %D%/hypervisor.c %D%/keeper.c %D%/main.c \
	%D%/network.c %D%/operator.c %D%/power.c \
	%D%/queue.c %D%/queue.h %D%/random.c %D%/random.h \
	%D%/shell.c %D%/transcript.c %D%/transcript.h \
	%D%/world.c %D%/world.h
%C%_simulate_LDADD = $(CLU_CORE) $(PURE_LIBS)
