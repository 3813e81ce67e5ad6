include %D%/unit/local.mk
include %D%/bench/local.mk
include %D%/fuzz/local.mk
include %D%/lab/local.mk
include %D%/lint/local.mk
include %D%/scenarios/local.mk

# Seconds that a test of check may take, unless it says more itself; its own 4 are too few on a busy machine.
AM_TESTS_ENVIRONMENT += CK_DEFAULT_TIMEOUT=60; export CK_DEFAULT_TIMEOUT;
