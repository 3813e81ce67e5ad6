# `make bench` prints figures beside their aims; the second half needs root and a lab.
noinst_PROGRAMS += %D%/planner %D%/leases %D%/load
%C%_planner_SOURCES = %D%/planner.c
%C%_planner_LDADD   = $(CLU_CORE) $(PURE_LIBS)
%C%_leases_SOURCES  = %D%/leases.c
%C%_leases_CFLAGS   = $(AM_CFLAGS) $(QB_CFLAGS)
%C%_leases_LDADD    = clusterd/libcluio.a csv-storage/libclustorage.a clusterd/libclubase.a $(QB_LIBS) -lpthread
%C%_load_SOURCES    = %D%/load.c
%C%_load_CFLAGS     = $(AM_CFLAGS) -D_GNU_SOURCE $(QB_CFLAGS)
%C%_load_LDADD      = $(CLU_CLI) $(CLU_CLI_LIBS)
EXTRA_DIST += %D%/README.md %D%/run

.PHONY: bench
bench: all
	tests/bench/planner$(EXEEXT)
	tests/bench/leases$(EXEEXT)
	CLU_BUILD='$(abs_top_builddir)' $(top_srcdir)/%D%/run || test $$? -eq 77
