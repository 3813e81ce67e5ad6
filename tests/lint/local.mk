# Rules of the house that a machine can check; CLU_LINT= leaves them out.
CLU_LINT = \
	%D%/banned.sh \
	%D%/format.sh \
	%D%/headers_alone.sh \
	%D%/layers.sh \
	%D%/pure_symbols.sh \
	%D%/sources.sh
dist_check_SCRIPTS += $(CLU_LINT)
EXTRA_DIST += %D%/banned.txt %D%/code_only.awk %D%/common.sh %D%/layers.txt
AM_TESTS_ENVIRONMENT = \
	top_srcdir='$(abs_top_srcdir)'; top_builddir='$(abs_top_builddir)'; \
	CC='$(CC)'; NM='$(NM)'; OBJDUMP='$(OBJDUMP)'; \
	LINT_CFLAGS='$(QB_CFLAGS) $(COROSYNC_CFLAGS) $(LIBVIRT_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(XML_CFLAGS) $(SMARTCOLS_CFLAGS) $(NETTLE_CFLAGS) $(CHECK_CFLAGS) $(PACEMAKER_CFLAGS)'; \
	export top_srcdir top_builddir CC NM OBJDUMP LINT_CFLAGS;
