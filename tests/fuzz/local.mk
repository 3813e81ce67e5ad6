# Each decoder against mutations of valid inputs; a short run of a fixed seed belongs to `make check`.
CLU_FUZZERS = \
	%D%/fuzz_command \
	%D%/fuzz_lease \
	%D%/fuzz_message \
	%D%/fuzz_object
noinst_PROGRAMS += $(CLU_FUZZERS)
TESTS += $(CLU_FUZZERS)
FUZZ_LIBS = clusterd/libcluprotocol.a clusterd/libclubase.a $(PURE_LIBS)
FUZZ_COMMON = %D%/driver.c %D%/fuzz.h %D%/sample.c %D%/sample.h %D%/sample_message.c %D%/sample_parts.h

%C%_fuzz_command_SOURCES = %D%/fuzz_command.c $(FUZZ_COMMON)
%C%_fuzz_command_LDADD   = $(FUZZ_LIBS)
%C%_fuzz_lease_SOURCES   = %D%/fuzz_lease.c $(FUZZ_COMMON)
%C%_fuzz_lease_LDADD     = csv-storage/libclustorage.a $(FUZZ_LIBS)
%C%_fuzz_message_SOURCES = %D%/fuzz_message.c $(FUZZ_COMMON)
%C%_fuzz_message_LDADD   = $(FUZZ_LIBS)
%C%_fuzz_object_SOURCES  = %D%/fuzz_object.c $(FUZZ_COMMON)
%C%_fuzz_object_LDADD    = $(FUZZ_LIBS)
