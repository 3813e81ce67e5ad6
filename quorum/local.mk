# Pure quorum arithmetic. No library flags: nothing here may do I/O.
noinst_LIBRARIES += %D%/libcluquorum.a
%C%_libcluquorum_a_SOURCES = \
	%D%/outlook.c %D%/outlook.h \
	%D%/qnetd_claim.c %D%/qnetd_claim.h \
	%D%/quorum_rule.c %D%/quorum_rule.h \
	%D%/voter_set.c %D%/voter_set.h \
	%D%/witness_record.c %D%/witness_record.h \
	%D%/witness_tag.c %D%/witness_tag.h
EXTRA_DIST += %D%/README.md
