# Not part of make check: needs root, libvirt and a lab.
noinst_PROGRAMS += %D%/hypervisor_probe
%C%_hypervisor_probe_SOURCES = %D%/hypervisor_probe.c
%C%_hypervisor_probe_CFLAGS  = $(AM_CFLAGS) -D_GNU_SOURCE $(QB_CFLAGS)
%C%_hypervisor_probe_LDADD   = clusterd/libcluio.a clusterd/libclubase.a $(QB_LIBS) $(LIBVIRT_LIBS) -lpthread
