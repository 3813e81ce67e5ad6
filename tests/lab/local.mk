# Of the lab, make check runs only what needs no root; the programs are for its tests.
TESTS += %D%/jobs_test.py

noinst_PROGRAMS += %D%/hypervisor_probe
%C%_hypervisor_probe_SOURCES = %D%/hypervisor_probe.c
%C%_hypervisor_probe_CFLAGS  = $(AM_CFLAGS) -D_GNU_SOURCE $(QB_CFLAGS)
%C%_hypervisor_probe_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(QB_LIBS) $(LIBVIRT_LIBS) $(XML_LIBS) $(JANSSON_LIBS) -lpthread

noinst_PROGRAMS += %D%/qnetd_probe
%C%_qnetd_probe_SOURCES = %D%/qnetd_probe.c
%C%_qnetd_probe_CFLAGS  = $(AM_CFLAGS) -D_GNU_SOURCE $(QB_CFLAGS)
%C%_qnetd_probe_LDADD   = clusterd/libcluio.a quorum/libcluquorum.a clusterd/libclubase.a $(QB_LIBS) $(COROSYNC_LIBS) -lpthread

noinst_PROGRAMS += %D%/cpg_noise %D%/ipc_noise
%C%_cpg_noise_SOURCES = %D%/cpg_noise.c
%C%_cpg_noise_CFLAGS  = $(AM_CFLAGS) -D_GNU_SOURCE $(COROSYNC_CFLAGS)
%C%_cpg_noise_LDADD   = $(COROSYNC_LIBS)
%C%_ipc_noise_SOURCES = %D%/ipc_noise.c
%C%_ipc_noise_CFLAGS  = $(AM_CFLAGS) -D_GNU_SOURCE $(QB_CFLAGS)
%C%_ipc_noise_LDADD   = $(QB_LIBS)

noinst_PROGRAMS += %D%/faulty_volume
%C%_faulty_volume_SOURCES = %D%/faulty_volume.c
%C%_faulty_volume_CFLAGS  = $(AM_CFLAGS) -D_GNU_SOURCE $(FUSE_CFLAGS)
%C%_faulty_volume_LDADD   = $(FUSE_LIBS)
