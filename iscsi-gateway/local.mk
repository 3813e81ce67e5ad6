# Programs of ours that clusterd runs: what needs libiscsi is not in it.
pkglibexec_PROGRAMS += %D%/clu-iscsi-look
%C%_clu_iscsi_look_SOURCES = %D%/look.c %D%/iscsi_session.c %D%/iscsi_session.h
%C%_clu_iscsi_look_CFLAGS  = $(AM_CFLAGS) $(ISCSI_CFLAGS)
%C%_clu_iscsi_look_LDADD   = $(ISCSI_LIBS)

pkglibexec_PROGRAMS += %D%/clu-iscsi-preempt
%C%_clu_iscsi_preempt_SOURCES = %D%/preempt.c %D%/iscsi_session.c %D%/iscsi_session.h %D%/reservation.c \
	%D%/reservation.h
%C%_clu_iscsi_preempt_CFLAGS  = $(AM_CFLAGS) $(ISCSI_CFLAGS)
%C%_clu_iscsi_preempt_LDADD   = $(ISCSI_LIBS)

# A plugin of nbdkit, which is no program of ours: never with sanitizers, nor counted.
pkglibexec_PROGRAMS += %D%/clu-iscsi-gateway.so
%C%_clu_iscsi_gateway_so_SOURCES = %D%/confirmation.c %D%/confirmation.h %D%/gateway.c %D%/gateway_io.c %D%/gateway_io.h \
	%D%/iscsi_session.c %D%/iscsi_session.h %D%/reservation.c %D%/reservation.h
%C%_clu_iscsi_gateway_so_CFLAGS  = $(AM_CFLAGS) $(ISCSI_CFLAGS) $(NBDKIT_CFLAGS) -fPIC -fno-sanitize=all \
	-fno-profile-arcs -fno-test-coverage
%C%_clu_iscsi_gateway_so_LDFLAGS = -shared
%C%_clu_iscsi_gateway_so_LDADD   = $(ISCSI_LIBS) -lpthread
