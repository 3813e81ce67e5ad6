include %D%/unit/local.mk
include %D%/bench/local.mk
include %D%/fuzz/local.mk
include %D%/lab/local.mk
include %D%/lint/local.mk
include %D%/scenarios/local.mk
