# Pure quorum arithmetic. No library flags: nothing here may do I/O.
noinst_LIBRARIES += %D%/libcluquorum.a
%C%_libcluquorum_a_SOURCES = \
	%D%/quorum_rule.c %D%/quorum_rule.h
EXTRA_DIST += %D%/README.md
