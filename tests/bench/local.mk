# `make bench` prints figures beside their aims; the second half needs root and a lab.
noinst_PROGRAMS += %D%/planner %D%/load
%C%_planner_SOURCES = %D%/planner.c
%C%_planner_LDADD   = $(CLU_CORE) $(PURE_LIBS)
%C%_load_SOURCES    = %D%/load.c
%C%_load_CFLAGS     = $(AM_CFLAGS) -D_GNU_SOURCE $(QB_CFLAGS)
%C%_load_LDADD      = $(CLU_CLI) $(CLU_CLI_LIBS)
EXTRA_DIST += %D%/README.md %D%/run

.PHONY: bench
bench: all
	tests/bench/planner$(EXEEXT)
	CLU_BUILD='$(abs_top_builddir)' $(top_srcdir)/%D%/run || test $$? -eq 77
