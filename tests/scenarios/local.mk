# Stories for the simulation, all in one test.
dist_check_SCRIPTS += %D%/check.sh %D%/messages.sh %D%/shrink.sh
EXTRA_DIST += %D%/README.md \
	%D%/disasters %D%/drain %D%/evict %D%/failure-budget %D%/fencing %D%/force %D%/found %D%/leases %D%/moves \
	%D%/operator %D%/pause %D%/qnetd %D%/quorum %D%/redirect %D%/storage %D%/volumes %D%/witness
