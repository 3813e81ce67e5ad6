# Pure rules of leases on volumes. No library flags: nothing here may do I/O.
noinst_LIBRARIES += %D%/libclustorage.a
%C%_libclustorage_a_SOURCES = \
	%D%/lease_node.c %D%/lease_node.h \
	%D%/lease_observer.c %D%/lease_observer.h \
	%D%/lease_pass.c %D%/lease_pass.h \
	%D%/lease_record.c %D%/lease_record.h \
	%D%/lease_timings.c %D%/lease_timings.h
EXTRA_DIST += %D%/README.md
