# Whole clusters of real cores in a simulated world: a library that `clu` links too, and a program that runs seeds.
noinst_LIBRARIES += %D%/libclusimulation.a
%C%_libclusimulation_a_SOURCES = \
	%D%/checker.c %D%/checker_guard.c %D%/checker_round.c %D%/checker_said.c %D%/claims.c %D%/convergence.c %D%/coverage.c %D%/coverage.h %D%/coverage_print.c %D%/descent.c %D%/descent.h %D%/fork.c %D%/fork.h %D%/history.c %D%/hostile.c \
	%D%/disk.c %D%/disk.h %D%/disk_read.c %D%/faults.c %D%/fence.c %D%/fence.h %D%/hypervisor.c %D%/hypervisor_job.c %D%/hypervisor_parts.h %D%/liveness.c %D%/liveness.h %D%/places.c %D%/places.h \
	%D%/gateway.c %D%/gateway.h \
	%D%/image.c %D%/image.h %D%/incident.c %D%/incident.h %D%/incident_text.c \
	%D%/keeper.c %D%/keeper.h %D%/lease.c %D%/lease.h %D%/names.c %D%/names.h \
	%D%/network.c %D%/network.h %D%/network_parts.h %D%/network_ring.c %D%/operator.c \
	%D%/operator_words.c %D%/operator_words.h %D%/power.c %D%/power_cuts.c %D%/power_cuts.h \
	%D%/queue.c %D%/queue.h %D%/random.c %D%/random.h %D%/rights.c \
	%D%/scenario.h %D%/scenario_line.c %D%/scenario_line.h %D%/scenario_read.c \
	%D%/scenario_read_cluster.c %D%/scenario_read_expect.c %D%/scenario_read_incident.c \
	%D%/scenario_verdict.c %D%/scenario_write.c %D%/shrink.c %D%/shrink.h %D%/scenario_world.c \
	%D%/shell.c %D%/shell_note.c %D%/stories.c %D%/stories.h %D%/voters.c %D%/voters.h %D%/telling.c %D%/telling.h %D%/transcript.c %D%/transcript.h \
	%D%/export.c %D%/export.h %D%/stall.c %D%/stall.h %D%/volume.c %D%/volume.h %D%/qnetd.c %D%/qnetd.h %D%/witness.c %D%/witness.h \
	%D%/world.c %D%/world.h \
	clusterd/guard/guard_rule.c clusterd/guard/guard_rule.h

noinst_PROGRAMS += %D%/simulate
%C%_simulate_SOURCES = %D%/main.c %D%/arguments.c %D%/arguments.h %D%/jobs.c %D%/jobs.h %D%/mutation_choice.c %D%/mutation_choice.h
%C%_simulate_LDADD = %D%/libclusimulation.a $(CLU_CORE) $(PURE_LIBS)

# The same with a core whose guards can be taken away, one in a run.
noinst_PROGRAMS += %D%/simulate-mutants
%C%_simulate_mutants_SOURCES = $(%C%_simulate_SOURCES) $(%C%_libclusimulation_a_SOURCES) \
	$(clusterd_libclucore_a_SOURCES) $(quorum_libcluquorum_a_SOURCES)
%C%_simulate_mutants_CPPFLAGS = $(AM_CPPFLAGS) -DCLU_MUTATIONS
%C%_simulate_mutants_LDADD = csv-storage/libclustorage.a clusterd/libcluprotocol.a clusterd/libclubase.a $(PURE_LIBS)

# Some seeds within `make check`; that a seed comes out the same whoever runs it; and that the guards are missed, which CLU_TEETH= leaves out.
CLU_TEETH = %D%/teeth.sh
dist_check_SCRIPTS += %D%/check.sh %D%/replay.sh $(CLU_TEETH)

# make simulate SEEDS=N [FIRST=N] [JOBS=N]: as many as one has time for.
.PHONY: simulate
simulate: %D%/simulate$(EXEEXT)
	%D%/simulate --first $${FIRST:-1} --seeds $${SEEDS:-10000} --jobs $${JOBS:-1} --keep-going --shrink .
EXTRA_DIST += %D%/README.md

# make mutations [MUTATIONS='NAME...'] [SEEDS=N] [JOBS=N]: is each guard of the protocol missed when it is gone?
.PHONY: mutations
mutations: %D%/simulate-mutants$(EXEEXT)
	$(top_srcdir)/%D%/mutations.sh %D%/simulate-mutants $(MUTATIONS)
EXTRA_DIST += %D%/mutations.sh
