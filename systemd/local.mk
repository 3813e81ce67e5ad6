systemdunitdir   = $(prefix)/lib/systemd/system
systemdunit_DATA = %D%/clusterd.service %D%/clu-guard.service
CLEANFILES      += $(systemdunit_DATA)
EXTRA_DIST      += %D%/clusterd.service.in %D%/clu-guard.service.in

%D%/clusterd.service %D%/clu-guard.service: %D%/%.service: $(srcdir)/%D%/%.service.in Makefile
	$(AM_V_GEN)$(MKDIR_P) %D% && sed 's|@sbindir@|$(sbindir)|g' $(srcdir)/$@.in > $@.new && mv $@.new $@
